#!/bin/sh
// 2>/dev/null; exec node -- "$0" "$@"
// A shell's line and a comment of JavaScript in one: behind "env node" Node would take --env-file for its own (docs/caisson-yaml.md).
import { launch } from './launch.js';

await launch('ip-to-vsock');
