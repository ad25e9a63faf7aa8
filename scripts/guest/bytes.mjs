// Two file formats, so that no tool has to be installed for them: cpio (newc) out, LZ4's legacy frames in.

/** One entry: { name, mode, data }; `mode` with the file type bits. */
export function cpio(entries) {
  const parts = [];
  entries.forEach((entry, index) => parts.push(member(entry, index + 1)));
  parts.push(member({ name: "TRAILER!!!", mode: 0, data: Buffer.alloc(0) }, 0));
  return Buffer.concat(parts);
}

function member({ name, mode, data }, inode) {
  const path = Buffer.from(`${name}\0`);
  // magic, inode, mode, uid, gid, links, time, size, device and its minor, special and its minor, length of name, check
  const numbers = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, path.length, 0];
  const head = Buffer.from(`070701${numbers.map((n) => n.toString(16).padStart(8, "0")).join("")}`);
  return Buffer.concat([padded(Buffer.concat([head, path])), padded(data)]);
}

function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

const lz4Magic = Buffer.from([0x02, 0x21, 0x4c, 0x18]);

/** The kernel inside a bzImage that was packed with LZ4, or undefined when it was packed otherwise. */
export function unpackedKernel(image) {
  const start = image.indexOf(lz4Magic);
  if (start < 0) return undefined;
  const blocks = [];
  let at = start + 4;
  while (at + 4 <= image.length) {
    const size = image.readUInt32LE(at);
    // What follows the last block (the kernel's own note of its size) is no block: it never decodes to an honest length.
    if (size === 0 || size > image.length - at - 4 || (blocks.at(-1)?.length ?? blockBytes) !== blockBytes) break;
    blocks.push(lz4Block(image.subarray(at + 4, at + 4 + size)));
    at += 4 + size;
  }
  const kernel = Buffer.concat(blocks);
  return kernel.subarray(0, 4).equals(Buffer.from("\x7fELF", "latin1")) ? kernel : undefined;
}

const blockBytes = 8 * 1024 * 1024;

function lz4Block(source) {
  const target = Buffer.allocUnsafe(blockBytes);
  let from = 0;
  let to = 0;
  const length = (nibble) => {
    let sum = nibble;
    if (nibble === 15) {
      let more;
      do sum += more = source[from++];
      while (more === 255);
    }
    return sum;
  };
  while (from < source.length) {
    const token = source[from++];
    const literals = length(token >> 4);
    for (const stop = from + literals; from < stop;) target[to++] = source[from++];
    if (from >= source.length) break;
    const distance = source.readUInt16LE(from);
    from += 2;
    const end = to + length(token & 15) + 4;
    // A match may overlap what it writes, so it goes byte by byte; most are a few bytes long anyway.
    for (let back = to - distance; to < end; to++, back++) target[to] = target[back];
  }
  return target.subarray(0, to);
}
