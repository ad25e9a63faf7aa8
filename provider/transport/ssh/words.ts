/** A line of an SSH configuration file (ssh_config(5)). */
export interface Line {
  /** In small letters. */
  readonly keyword: string;
  readonly args: readonly string[];
  readonly file: string;
  /** From 1. */
  readonly number: number;
}

/** A line that ssh itself would refuse; `reason` names the file, the line and the remedy. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The lines that say something, with their words apart. */
export function linesIn(text: string, file: string): Line[] {
  return text.split("\n").flatMap((raw, index) => {
    const [, keyword, rest = ""] = /^\s*([^\s="#]+)(?:\s*=\s*|\s+|$)(.*?)\s*$/.exec(raw) ?? [];
    if (keyword === undefined) return [];
    return [{ keyword: keyword.toLowerCase(), args: words(rest, `${file}:${index + 1}`), file, number: index + 1 }];
  });
}

/** Words apart by blanks; quotes hold them together, and `#` before a word begins a comment. */
function words(text: string, at: string): string[] {
  const found: string[] = [];
  for (let rest = text.trimStart(); rest !== "" && !rest.startsWith("#"); rest = rest.trimStart()) {
    const match = /^(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|((?:\\["'\\ ]|[^\s"'])+))/.exec(rest);
    if (match === null) throw new ConfigError(`${at}: a quote is not closed: close it`);
    const [whole, double, single, bare] = match as readonly (string | undefined)[];
    found.push((double ?? single ?? bare ?? "").replace(/\\(["'\\ ])/g, "$1"));
    rest = rest.slice(whole?.length);
  }
  return found;
}
