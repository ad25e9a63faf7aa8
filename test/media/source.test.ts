import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageSource, MediaError } from "../../provider/media";

jest.setTimeout(60_000);

const mebibyte = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "image-source-"));
const path = join(folder, "disk.img");
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** The whole image put together again from its segments. */
async function collect(source: ImageSource, segmentBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const segment of source.segments(segmentBytes)) {
    let length = 0;
    for await (const chunk of segment.chunks()) {
      expect(chunk.length).toBeLessThanOrEqual(mebibyte);
      length += chunk.length;
      parts.push(Buffer.from(chunk));
    }
    expect(length).toBe(segment.length);
  }
  return Buffer.concat(parts);
}

describe.each(["a file", "a buffer"])("%s", (kind) => {
  const sourceOf = async (bytes: Buffer): Promise<ImageSource> => {
    if (kind === "a buffer") return ImageSource.of(bytes);
    writeFileSync(path, bytes);
    return ImageSource.open(path);
  };

  it.each([0, 1, mebibyte - 1, mebibyte, mebibyte + 1, 5 * mebibyte + 3])(
    "of %d bytes comes whole, in segments of any size",
    async (length) => {
      const bytes = randomBytes(length);
      const source = await sourceOf(bytes);
      expect(source.length).toBe(length);
      expect(await source.sha256()).toBe(sha256(bytes));
      for (const segmentBytes of [1_000_003, 2 * mebibyte, 64 * mebibyte]) {
        expect((await collect(source, segmentBytes)).equals(bytes)).toBe(true);
      }
      await source.close();
    },
  );

  it("says how far the checksum is", async () => {
    const source = await sourceOf(Buffer.alloc(2 * mebibyte + 1));
    const heard: number[] = [];
    await source.sha256((doneBytes) => heard.push(doneBytes));
    expect(heard).toEqual([mebibyte, 2 * mebibyte, 2 * mebibyte + 1]);
    await source.close();
  });

  it("gives copies of any part, shorter only at its end", async () => {
    const source = await sourceOf(Buffer.from("0123456789"));
    const first = await source.read(0, 4);
    expect((await source.read(2, 3)).toString()).toBe("234");
    expect(first.toString()).toBe("0123");
    expect((await source.read(8, 100)).toString()).toBe("89");
    expect((await source.read(10, 1)).toString()).toBe("");
    expect((await source.read(99, 1)).toString()).toBe("");
    await expect(source.read(-1, 1)).rejects.toThrow(MediaError);
    await expect(source.read(0, 2 ** 40)).rejects.toThrow(MediaError);
    await expect(source.read(0, NaN)).rejects.toThrow(MediaError);
    await source.close();
  });

  it("can be left in the middle of a segment and read by two at once", async () => {
    const bytes = randomBytes(6 * mebibyte);
    const source = await sourceOf(bytes);
    for await (const segment of source.segments(3 * mebibyte)) {
      for await (const chunk of segment.chunks()) {
        expect(chunk).toHaveLength(mebibyte);
        break;
      }
    }
    const both = await Promise.all([collect(source, 2 * mebibyte), collect(source, 3 * mebibyte)]);
    expect(both.every((copy) => copy.equals(bytes))).toBe(true);
    await source.close();
  });

  it("refuses segments of no bytes", async () => {
    const source = await sourceOf(Buffer.alloc(1));
    for (const segmentBytes of [0, -1, 1.5, NaN])
      await expect(collect(source, segmentBytes)).rejects.toThrow(MediaError);
    await source.close();
  });

  it("may be closed twice", async () => {
    const source = await sourceOf(Buffer.alloc(1));
    await source.close();
    await source.close();
  });
});

describe("a file that changes while it is read", () => {
  const spoilers: [string, () => void][] = [
    [
      "grows",
      () => {
        appendFileSync(path, "x");
      },
    ],
    [
      "shrinks",
      () => {
        truncateSync(path, mebibyte);
      },
    ],
    [
      "is touched",
      () => {
        utimesSync(path, new Date(), new Date(statSync(path).mtimeMs + 1000));
      },
    ],
  ];

  it.each(spoilers)("is refused when it %s under the checksum", async (_, spoil) => {
    writeFileSync(path, Buffer.alloc(4 * mebibyte));
    const source = await ImageSource.open(path);
    let spoilt = false;
    const checksum = source.sha256(() => {
      if (!spoilt) spoil();
      spoilt = true;
    });
    await expect(checksum).rejects.toThrow("changed while it was read; start again");
    await source.close();
  });

  it.each(spoilers)("is refused when it %s between segments", async (_, spoil) => {
    writeFileSync(path, Buffer.alloc(4 * mebibyte));
    const source = await ImageSource.open(path);
    await collect(source, mebibyte);
    spoil();
    await expect(collect(source, mebibyte)).rejects.toThrow(MediaError);
    await source.close();
  });
});

describe("opening", () => {
  it("says what is wrong with a path", async () => {
    await expect(ImageSource.open("/nowhere/disk.img")).rejects.toThrow(
      'cannot open the image "/nowhere/disk.img": there is no such file',
    );
    await expect(ImageSource.open(folder)).rejects.toThrow("is no regular file");
    await expect(ImageSource.open("/dev/zero")).rejects.toThrow("is no regular file");
  });

  it("says that a closed file is closed", async () => {
    writeFileSync(path, "x");
    const source = await ImageSource.open(path);
    await source.close();
    await expect(source.sha256()).rejects.toThrow(`cannot read the image "${path}": it was closed`);
  });

  it("does not wait for a named pipe", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    await expect(ImageSource.open(pipe)).rejects.toThrow("is no regular file");
  });

  it("streams 300 MiB in less than 16 MiB of memory", async () => {
    writeFileSync(path, "");
    truncateSync(path, 300 * mebibyte);
    const source = await ImageSource.open(path);
    await source.sha256();
    const before = process.memoryUsage().arrayBuffers;
    let peak = before;
    const watch = (): void => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers);
    };
    await source.sha256(watch);
    for await (const segment of source.segments(16 * mebibyte)) {
      for await (const chunk of segment.chunks()) if (chunk.length > 0) watch();
    }
    expect(peak - before).toBeLessThan(16 * mebibyte);
    await source.close();
  });
});
