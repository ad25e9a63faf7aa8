import { connect } from "node:net";
import { SshReader, sshString } from "./blob";
import { type Certificate, parseCertificate } from "./certificate";

// https://datatracker.ietf.org/doc/html/draft-miller-ssh-agent: what ssh2 leaves out of an agent, its certificates.
export const agentMs = 3_000;
export const signingMs = 10_000; // some agents ask a person
const [LIST, LISTED, SIGN, SIGNED] = [11, 12, 13, 14];
const RSA_SHA2_512 = 4;
const mostBytes = 1024 * 1024;

/** The certificates that an agent holds. */
export async function agentCertificates(path: string, withinMs: number): Promise<Certificate[]> {
  const answer = await ask(path, Buffer.of(LIST), withinMs);
  if (answer.byte() !== LISTED) throw new Error("another answer than its keys");
  return Array.from({ length: answer.uint32() }, () => {
    const bytes = answer.string();
    answer.string(); // a comment
    return parseCertificate(bytes);
  }).filter((one) => one !== undefined);
}

/** Has an agent sign with the key of a certificate. */
export async function signByAgent(
  path: string,
  { bytes, keyType }: Certificate,
  data: Buffer,
  withinMs: number,
): Promise<Buffer> {
  const flags = Buffer.alloc(4);
  flags.writeUInt32BE(keyType === "ssh-rsa" ? RSA_SHA2_512 : 0);
  const answer = await ask(path, Buffer.concat([Buffer.of(SIGN), sshString(bytes), sshString(data), flags]), withinMs);
  if (answer.byte() !== SIGNED) throw new Error("the agent refused to sign");
  const signature = new SshReader(answer.string());
  signature.string(); // its name, which follows from the key
  return signature.string();
}

function ask(path: string, request: Buffer, withinMs: number): Promise<SshReader> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      fail(new Error(`no answer within ${withinMs / 1000} s`));
    }, withinMs);
    let heard = Buffer.alloc(0);
    socket.once("error", fail);
    socket.once("close", () => {
      fail(new Error("it hung up"));
    });
    socket.on("data", (bytes: Buffer) => {
      heard = Buffer.concat([heard, bytes]);
      const length = heard.length < 4 ? undefined : heard.readUInt32BE();
      if (length !== undefined && length > mostBytes) fail(new Error("no agent's answer"));
      if (length === undefined || heard.length < 4 + length) return;
      clearTimeout(timer);
      resolve(new SshReader(heard.subarray(4, 4 + length)));
      socket.destroy();
    });
    socket.write(sshString(request));
  });
}
