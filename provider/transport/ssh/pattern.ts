/** True where a text fits a pattern with `*` and `?`, as OpenSSH's files write them. */
export function fits(text: string, pattern: string): boolean {
  let [at, inPattern] = [0, 0];
  let [star, resume] = [-1, 0];
  while (at < text.length) {
    const sign = pattern[inPattern];
    if (sign === "*") {
      [star, resume] = [inPattern, at];
      inPattern += 1;
    } else if (sign === "?" || sign === text[at]) {
      at += 1;
      inPattern += 1;
    } else if (star >= 0) {
      resume += 1;
      [at, inPattern] = [resume, star + 1];
    } else return false;
  }
  return /^\**$/.test(pattern.slice(inPattern));
}

/** True where a pattern fits and none with `!` does; patterns are read in small letters. */
export function fitsList(text: string, patterns: readonly string[]): boolean {
  let found = false;
  for (const one of patterns) {
    const excludes = one.startsWith("!");
    if (!fits(text, one.slice(excludes ? 1 : 0).toLowerCase())) continue;
    if (excludes) return false;
    found = true;
  }
  return found;
}
