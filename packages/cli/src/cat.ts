// Two cats.
export const cats = {
  george: String.raw`
      |\      _,,,---,,_
      /,'.-'''    -.  ;-;;,_
     |,4-  ) )-,_..;\ (  ''-'
    '---''(_/--'  '-'\_)   George
`,
  pascal: String.raw`
     /\_/\
    ( o.o )    Pascal
     > ^ <
    /     \__,
   (_______)~
`,
} as const;
