// `caisson image`: say exactly what an enclave image is (docs/image.md).
import type { RegisterCommand } from '../surroundings.ts';
import { registerImageDiff } from './image-diff.ts';
import { registerImageExtract } from './image-extract.ts';
import { registerImageFiles } from './image-files.ts';
import { registerImageInspect } from './image-inspect.ts';
import { registerImageMeasure } from './image-measure.ts';
import { registerImageReproduce } from './image-reproduce.ts';
import { registerImageRm } from './image-rm.ts';
import { registerImageTag } from './image-tag.ts';
import { registerImageValidate } from './image-validate.ts';
import { registerImageVerify } from './image-verify.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const image = program.command('image').description('measure enclave images, look into them, and compare them');
  for (const registerVerb of [
    registerImageInspect,
    registerImageValidate,
    registerImageMeasure,
    registerImageFiles,
    registerImageExtract,
    registerImageDiff,
    registerImageVerify,
    registerImageTag,
    registerImageRm,
    registerImageReproduce,
  ]) {
    registerVerb(image, surroundings);
  }
};
