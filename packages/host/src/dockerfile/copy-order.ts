// What a COPY or an ADD asks for, as far as it can be done without an engine.
import type { CopyOrder } from './copy.ts';
import { refused } from './fault.ts';
import { form, type Instruction } from './parse.ts';
import type { State } from './setting.ts';
import { expandText, parseJsonWords, splitWords, type WordRules } from './words.ts';

export function copyOrder({ line, text, flags, keyword }: Instruction, words: WordRules, state: State): CopyOrder {
  for (const name of flags.keys()) {
    if (name === 'from') throw refused(line, `${keyword} --from needs stages`, 'without RUN one stage is enough');
    if (name !== 'chown' && name !== 'chmod' && name !== 'link')
      throw refused(line, `${keyword} --${name} is not carried out`);
  }
  const json = parseJsonWords(text)?.map((word) => expandText(word, words));
  const all = json ?? splitWords(text, words);
  const [target, sources] = [all.at(-1), all.slice(0, -1)];
  if (target === undefined || sources.length === 0) throw form(line, `${keyword} must have a source and a target`);
  if (keyword === 'ADD') {
    for (const source of sources) {
      if (/^(https?:\/\/|git@|git:\/\/)/.test(source))
        throw refused(line, `ADD of a URL is not carried out, got ${source}`, 'fetch it, check it, and COPY it');
      if (/\.(tar|tgz|tbz2?|txz|tzst|tar\.[a-z0-9]+)$/.test(source))
        throw refused(
          line,
          `ADD of an archive is not carried out, got ${source}`,
          'unpack it in the context, and COPY it',
        );
    }
  }
  const chmod = expandText(flags.get('chmod') ?? '', words);
  if (!/^([0-7]{3,4})?$/.test(chmod)) throw refused(line, `--chmod must be octal, got ${chmod}`);
  const chown = expandText(flags.get('chown') ?? '', words);
  const [, uid, gid = uid] = /^([0-9]{1,9})(?::([0-9]{1,9}))?$/.exec(chown) ?? [];
  if (chown !== '' && uid === undefined)
    throw refused(line, `--chown must be numbers, got ${chown}`, 'names are of a running system');
  return {
    line,
    sources,
    target,
    workingDir: state.workingDir,
    ...(chmod !== '' && { mode: Number.parseInt(chmod, 8) & 0o777 }),
    ...(uid !== undefined && { owner: { uid: Number(uid), gid: Number(gid) } }),
  };
}
