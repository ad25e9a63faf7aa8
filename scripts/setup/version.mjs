/** True when dotted version `found` (a leading v is fine) is `wanted` or later. */
export function atLeast(found, wanted) {
  const numbers = (text) => text.replace(/^v/, "").split(/[.-]/).slice(0, 3).map(Number);
  const [a, b] = [numbers(found), numbers(wanted)];
  const place = a.findIndex((number, index) => number !== b[index]);
  return place < 0 || a[place] > b[place];
}
