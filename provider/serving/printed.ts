const LONGEST = 16 * 1024;

/** Text from anywhere for a terminal: at most 16 KiB, and no character that could steer it. */
export function printed(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}... (${text.length} characters)` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, (sign) =>
    sign === "\n" || sign === "\t" ? sign : `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}
