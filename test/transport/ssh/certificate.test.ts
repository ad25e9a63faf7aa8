import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asKey, describeCertificate, readCertificate, troubleOf } from "../../../provider/transport/ssh/certificate";
import { readPublicHalf } from "../../../provider/transport/ssh/keys";

const folder = mkdtempSync(join(tmpdir(), "certificate-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const keygen = (...words: readonly string[]): void => {
  execFileSync("ssh-keygen", ["-q", ...words]);
};
const authority = join(folder, "ca");
keygen("-t", "ed25519", "-N", "", "-f", authority);
let made = 0;

/** A key with its certificate; words of ssh-keygen say what it is good for. */
function signed(type: readonly string[], ...words: readonly string[]): string {
  const file = join(folder, `key${(made += 1)}`);
  keygen("-t", ...type, "-N", "", "-f", file);
  keygen("-s", authority, "-I", "joe's laptop", ...words, `${file}.pub`);
  return file;
}

const certificateOf = (file: string) => {
  const certificate = readCertificate(readFileSync(`${file}-cert.pub`, "utf8"));
  if (!certificate) throw new Error("none");
  return certificate;
};

describe("a certificate of ssh-keygen", () => {
  it.each([
    [["ed25519"], "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"],
    [["rsa", "-b", "2048"], "ssh-rsa", "rsa-sha2-512-cert-v01@openssh.com"],
    [["ecdsa", "-b", "256"], "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com"],
    [["ecdsa", "-b", "521"], "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com"],
  ])("for a key of %j is read, with the key inside", (type, keyType, algorithm) => {
    const file = signed(type, "-n", "joe,root");
    const certificate = certificateOf(file);
    expect(certificate).toMatchObject({ keyType, isUsers: true, id: "joe's laptop", principals: ["joe", "root"] });
    expect(certificate.key.equals(readPublicHalf(file)?.getPublicSSH() ?? Buffer.alloc(0))).toBe(true);
    expect(asKey(certificate)?.type).toBe(algorithm);
    expect(asKey(certificate)?.getPublicSSH().equals(certificate.bytes)).toBe(true);
    expect(troubleOf(certificate)).toBeUndefined();
    expect(describeCertificate(certificate)).toBe(`${keyType} certificate "joe's laptop" for joe, root, without end`);
  });

  it("that ended, or begins later, or is a host's, says so", () => {
    const ended = certificateOf(signed(["ed25519"], "-V", "20200101000000Z:20210101000000Z"));
    expect(troubleOf(ended)).toBe("it ended at 2021-01-01T00:00:00.000Z: have it signed anew");
    expect(troubleOf(ended, Date.UTC(2020, 5))).toBeUndefined();
    expect(troubleOf(ended, Date.UTC(2019, 5))).toContain(
      "valid from 2020-01-01T00:00:00.000Z on: is the clock right?",
    );
    expect(describeCertificate(ended)).toContain("for nobody by name, until 2021-01-01");
    expect(troubleOf(certificateOf(signed(["ed25519"], "-h")))).toBe("it is a host's, not a user's");
  });

  it("that is cut off, or none, is none", () => {
    const text = readFileSync(`${signed(["ed25519"])}-cert.pub`, "utf8");
    const [type = "", base64 = ""] = text.split(" ");
    for (const length of [10, 60, 120, 200])
      expect(readCertificate(`${type} ${base64.slice(0, length)}`)).toBeUndefined();
    for (const other of ["", "hello", "ssh-ed25519 AAAA", `x ${base64}`])
      expect(readCertificate(other)).toBeUndefined();
  });
});
