// Key policies from the command line: written for an image file, and judged.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { concatBytes, toHex, toUtf8 } from '@caisson/core/bytes';
import { measureEif, parseEif, planEif } from '@caisson/core/eif';
import { run } from '../run.ts';

const role = 'arn:aws:iam::111122223333:role/parent';
let folder: string;
const at = (name: string): string => join(folder, name);
