/** The CPUs of libvirt's notation, in order: `0-3,^2` is 0, 1 and 3. */
export function cpusOf(set: string): readonly number[] {
  const cpus = new Set<number>();
  for (const part of set.split(",")) {
    const [from = 0, to = from] = part.replace("^", "").split("-").map(Number);
    for (let cpu = from; cpu <= Math.min(to, MOST); cpu++) {
      if (part.startsWith("^")) cpus.delete(cpu);
      else cpus.add(cpu);
    }
  }
  return [...cpus].sort((a, b) => a - b);
}

const MOST = 16_383;

/** True where both name the same CPUs; libvirt writes a set in words of its own. */
export function sameCpus(one: string, other: string): boolean {
  return cpusOf(one).join() === cpusOf(other).join();
}

/** Says what is wrong with a set of CPUs, or nothing. */
export function cpuSetText(value: string): string | undefined {
  const grammar = /^\^?\d{1,5}(-\d{1,5})?(,\^?\d{1,5}(-\d{1,5})?)*$/;
  return grammar.test(value) && cpusOf(value).length > 0 ? undefined : 'must be a set of CPUs such as "0-3,^2"';
}

/** libvirt's bit map of the host's CPUs. */
export function cpuMap(cpus: readonly number[], count: number): Buffer {
  const map = Buffer.alloc(Math.ceil(count / 8));
  for (const cpu of cpus.filter((one) => one < count)) {
    map.writeUInt8(map.readUInt8(cpu >> 3) | (1 << (cpu & 7)), cpu >> 3);
  }
  return map;
}
