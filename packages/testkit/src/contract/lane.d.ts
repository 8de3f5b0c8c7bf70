declare const lanes: readonly ['fast', 'deep', 'release'];
export type Lane = (typeof lanes)[number];
/** The lane that runs; fast unless CAISSON_LANE says otherwise. */
export declare function currentLane(): Lane;
/** The figure of a row such as `R-B1` in the lane that runs. Throws TypeError for a row that is not listed. */
export declare function laneFigure(row: string): number;
