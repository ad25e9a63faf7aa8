// A CA of its own for a test, with keys that are thrown away.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface Wish {
  /** As `DNS:kvm.test,IP:127.0.0.1`. */
  readonly names?: string;
  readonly use?: "serverAuth" | "clientAuth";
  readonly expired?: boolean;
}

export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), "authority-"));
  readonly file = join(this.folder, "cacert.pem");
  private readonly key = join(this.folder, "cakey.pem");
  private readonly config = join(this.folder, "config");
  private made = 0;

  constructor(name: string) {
    writeFileSync(join(this.folder, "index"), "");
    writeFileSync(this.config, this.lines().join("\n"));
    openssl("req", "-x509", ...fresh(this.key), "-subj", `/CN=${name}`, "-days", "30", "-out", this.file);
  }

  get text(): string {
    return readFileSync(this.file, "utf8");
  }

  /** Signs a certificate; `subject` as `/O=lab/CN=client`. */
  sign(subject: string, { names, use, expired = false }: Wish = {}): Pair {
    const stem = join(this.folder, String((this.made += 1)));
    const [key, request, certificate, more] = ["key", "request", "pem", "more"].map((end) => `${stem}.${end}`) as [
      string,
      string,
      string,
      string,
    ];
    const extensions = [
      "basicConstraints = critical,CA:FALSE",
      ...(names === undefined ? [] : [`subjectAltName = ${names}`]),
      ...(use === undefined ? [] : [`extendedKeyUsage = ${use}`]),
    ];
    writeFileSync(more, extensions.join("\n"));
    openssl("req", ...fresh(key), "-subj", subject, "-out", request);
    const days = expired ? ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] : ["-days", "30"];
    this.ca("-in", request, "-out", certificate, "-extfile", more, "-notext", ...days);
    return { certificate, key };
  }

  /** Writes the list of the revoked, with this one on it. */
  revoke({ certificate }: Pair): string {
    const file = join(this.folder, "cacrl.pem");
    this.ca("-revoke", certificate);
    this.ca("-gencrl", "-out", file, "-crldays", "30");
    return file;
  }

  /** A folder as the URI's `pkipath` names one. */
  pki(pair?: Pair): string {
    const folder = join(this.folder, `pki${(this.made += 1)}`);
    mkdirSync(folder);
    writeFileSync(join(folder, "cacert.pem"), this.text);
    if (pair === undefined) return folder;
    writeFileSync(join(folder, "clientcert.pem"), readFileSync(pair.certificate));
    writeFileSync(join(folder, "clientkey.pem"), readFileSync(pair.key));
    return folder;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private ca(...args: readonly string[]): void {
    openssl("ca", "-batch", "-config", this.config, "-cert", this.file, "-keyfile", this.key, ...args);
  }

  private lines(): string[] {
    return [
      "[ca]",
      "default_ca = own",
      "[own]",
      `database = ${join(this.folder, "index")}`,
      `new_certs_dir = ${this.folder}`,
      "rand_serial = yes",
      "default_md = sha256",
      "unique_subject = no",
      "policy = any",
      "[any]",
      "organizationName = optional",
      "commonName = supplied",
      "",
    ];
  }
}

function fresh(key: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key];
}

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
}
