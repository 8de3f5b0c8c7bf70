// Completion scripts of the shells, each with the whole tree in it: nothing of the program runs for a completion but `caisson __names`, and that only
// where a name of an enclave may stand.
import type { CompletionOption, CompletionPlace } from './completion-model.ts';

export const COMPLETION_SHELLS = ['bash', 'zsh', 'fish'] as const;
export type CompletionShell = (typeof COMPLETION_SHELLS)[number];

export function renderCompletion(shell: CompletionShell, places: readonly CompletionPlace[]): string {
  return { bash: renderBash, zsh: renderZsh, fish: renderFish }[shell](places);
}

/** One case for each place in the tree, with the words that may follow; and one for each option that has a value. */
function renderBash(places: readonly CompletionPlace[]): string {
  return `# caisson completion for bash: put it where bash looks, or eval "$(caisson completion bash)"
_caisson() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} place='' word words='' at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    [[ $word == -- ]] && return
    case "$place $word" in
${pathCases(places, (path) => `      ${quote(` ${path}`)}) place="$place $word" ;;`)}
    esac
  done
  case "$place|$previous" in
${valueCases(places, (pattern, value) => `    ${pattern}) ${bashValue(value)}; return ;;`)}
  esac
  if [[ $current == -* ]]; then
    case "$place" in
${places.map((place) => `      ${quote(placeKey(place))}) words=${quote(optionNames(place).join(' '))} ;;`).join('\n')}
    esac
  else
    case "$place" in
${places.map((place) => `      ${quote(placeKey(place))}) ${bashWords(place)} ;;`).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _caisson caisson
`;
}

function bashValue(value: NonNullable<CompletionOption['value']>): string {
  if (value === 'enclaves') return `COMPREPLY=($(compgen -W "$(caisson __names 2>/dev/null)" -- "$current"))`;
  return value === 'files' ? ':' : `COMPREPLY=($(compgen -W ${quote(value.join(' '))} -- "$current"))`;
}

function bashWords({ commands, args }: CompletionPlace): string {
  if (commands.length > 0) return `words=${quote(commands.map(({ name }) => name).join(' '))}`;
  return args === 'enclaves' ? 'words=$(caisson __names 2>/dev/null)' : ':';
}

/** As for bash; in zsh each word comes with a description. */
function renderZsh(places: readonly CompletionPlace[]): string {
  const described = (words: readonly { readonly name: string; readonly about: string }[]): string =>
    words.map(({ name, about }) => quote(`${name.replaceAll(':', '\\:')}:${about}`)).join(' ');
  const cases = (of: (place: CompletionPlace) => string): string =>
    places.map((place) => `      ${quote(placeKey(place))}) ${of(place)} ;;`).join('\n');
  const zshValue = (value: NonNullable<CompletionOption['value']>): string => {
    if (value === 'enclaves') return `compadd -- \${(f)"$(caisson __names 2>/dev/null)"}`;
    return value === 'files' ? '_files' : `compadd -- ${value.map(quote).join(' ')}`;
  };
  return `#compdef caisson
# caisson completion for zsh: put it as _caisson into a folder of $fpath
_caisson() {
  local place='' word at previous=\${words[CURRENT-1]}
  local -a found
  for ((at = 2; at < CURRENT; at++)); do
    word=\${words[at]}
    [[ $word == -- ]] && { _files; return }
    case "$place $word" in
${pathCases(places, (path) => `      ${quote(` ${path}`)}) place="$place $word" ;;`)}
    esac
  done
  case "$place|$previous" in
${valueCases(places, (pattern, value) => `    ${pattern}) ${zshValue(value)}; return ;;`)}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    case "$place" in
${cases((place) => `found=(${described(place.options.flatMap(({ names, about }) => names.map((name) => ({ name, about }))))}); _describe option found`)}
    esac
  else
    case "$place" in
${cases(({ commands, args }) => {
  if (commands.length > 0) return `found=(${described(commands)}); _describe command found`;
  return args === 'enclaves' ? zshValue('enclaves') : args === 'files' ? '_files' : ':';
})}
    esac
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _caisson "$@"; else compdef _caisson caisson; fi
`;
}

/** One rule for each word, guarded by the place at which it may stand. */
function renderFish(places: readonly CompletionPlace[]): string {
  const rules = places.flatMap((place) => {
    const at = `-n ${quote(`test "$(__caisson_place)" = ${JSON.stringify(placeKey(place))}`)}`;
    const files = place.commands.length > 0 || place.args !== 'files' ? ' -f' : '';
    return [
      ...(files === '' ? [] : [`complete -c caisson ${at}${files}`]),
      ...place.commands.map(({ name, about }) => `complete -c caisson ${at} -a ${quote(name)} -d ${quote(about)}`),
      ...(place.args === 'enclaves' && place.commands.length === 0
        ? [`complete -c caisson ${at} -a '(caisson __names 2>/dev/null)'`]
        : []),
      ...place.options.map((option) => `complete -c caisson ${at} ${fishOption(option)}`),
    ];
  });
  return `# caisson completion for fish: put it as caisson.fish into ~/.config/fish/completions
function __caisson_place
    set -l place ''
    set -l words (commandline -opc)
    for word in $words[2..-1]
        switch "$place $word"
${pathCases(places, (path) => `            case ${quote(` ${path}`)}\n                set place "$place $word"`)}
        end
    end
    echo "$place"
end
${rules.join('\n')}
`;
}

function fishOption({ names, about, value }: CompletionOption): string {
  const words = names.map((name) =>
    name.startsWith('--') ? `-l ${quote(name.slice(2))}` : `-s ${quote(name.slice(1))}`,
  );
  const values =
    value === undefined
      ? []
      : value === 'files'
        ? ['-r']
        : ['-x', '-a', quote(value === 'enclaves' ? '(caisson __names 2>/dev/null)' : value.join(' '))];
  return [...words, ...values, '-d', quote(about)].join(' ');
}

/** ` attest policy`, with a space before each word; empty: the program alone. */
function placeKey({ path }: CompletionPlace): string {
  return path === '' ? '' : ` ${path}`;
}

function pathCases(places: readonly CompletionPlace[], row: (path: string) => string): string {
  return places
    .filter(({ path }) => path !== '')
    .map(({ path }) => row(path))
    .join('\n');
}

function valueCases(
  places: readonly CompletionPlace[],
  row: (pattern: string, value: NonNullable<CompletionOption['value']>) => string,
): string {
  return places
    .flatMap((place) =>
      place.options.flatMap(({ names, value }) =>
        value === undefined ? [] : [row(names.map((name) => quote(`${placeKey(place)}|${name}`)).join('|'), value)],
      ),
    )
    .join('\n');
}

function optionNames({ options }: CompletionPlace): string[] {
  return options.flatMap(({ names }) => names.filter((name) => name.startsWith('--')));
}

/** Single quotes: in all three shells nothing inside is expanded; a quote itself closes, is escaped, and opens again. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
