import { createHmac, pbkdf2Sync } from "node:crypto";
import { AuthError, Host, parseUri } from "../../provider/rpc";
import { Scram } from "../../provider/rpc/scram";
import { FakeDaemon, refusal, text, words } from "./fakeDaemon";

describe("SCRAM", () => {
  // RFC 5802, section 5, and RFC 7677, section 3.
  it.each([
    [
      "SCRAM-SHA-1",
      "fyko+d2lbbFgONRv9qkxdawL",
      "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
      "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
      "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ],
    [
      "SCRAM-SHA-256",
      "rOprNGfwEbeRWgbNEkqO",
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ],
  ] as const)("says in %s what its RFC says", async (mechanism, nonce, serverFirst, final, serverFinal) => {
    const scram = new Scram(mechanism, "user", "pencil", nonce);
    expect(scram.first()).toBe(`n,,n=user,r=${nonce}`);
    expect(await scram.final(serverFirst)).toBe(final);
    expect(scram.verify(serverFinal)).toBe(true);
    expect(scram.verify(serverFinal.replace(/.=$/, "A="))).toBe(false);
    expect(scram.verify("v=")).toBe(false);
    expect(scram.verify("e=other-error")).toBe(false);
  });

  it("believes nobody before it was asked", () => {
    expect(new Scram("SCRAM-SHA-1", "u", "p", "n").verify("v=")).toBe(false);
  });

  it("writes commas and equal signs of a name as the RFC asks", () => {
    expect(new Scram("SCRAM-SHA-1", "a=b,c", "p", "n").first()).toBe("n,,n=a=3Db=2Cc,r=n");
  });

  it.each([
    ["a nonce that is not ours", "r=otherMore,s=QSXCR+Q6sek8bf92,i=4096", "not an answer to ours"],
    ["our nonce alone", "r=nonce,s=QSXCR+Q6sek8bf92,i=4096", "not an answer to ours"],
    ["a part that must be understood", "m=x,r=nonceMore,s=QSXCR+Q6sek8bf92,i=4096", "not an answer to ours"],
    ["few rounds", "r=nonceMore,s=QSXCR+Q6sek8bf92,i=1", "1 rounds, not 4096"],
    ["endless rounds", "r=nonceMore,s=QSXCR+Q6sek8bf92,i=999999999", "999999999 rounds"],
  ])("refuses %s", async (_, serverFirst, reason) => {
    await expect(new Scram("SCRAM-SHA-256", "u", "p", "nonce").final(serverFirst)).rejects.toThrow(reason);
  });
});

const LIST = 66;
const INIT = 67;
const START = 68;
const STEP = 69;
const canary = "canary-of-the-password";

let daemon: FakeDaemon;
let host: Host;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
  daemon.on(LIST, () => words(1, 1)).on(INIT, () => text("SCRAM-SHA-256"));
  host = Host.at(parseUri(daemon.uri), { access: { saslUser: "fred", password: canary } });
});
afterEach(async () => {
  await host.close();
  await daemon.stop();
});

const refused = async (): Promise<string> => {
  const error = await host.call("CONNECT_GET_HOSTNAME", {}).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(AuthError);
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error as object))).not.toContain(canary);
  return (error as Error).message;
};
const chars = (value: string): Buffer => words(value.length, ...Buffer.from(value));
const saidIn = (payload: Buffer, at: number): string =>
  Array.from({ length: payload.readUInt32BE(at) }, (_, index) => payload[at + 7 + index * 4])
    .map((code = 0) => String.fromCharCode(code))
    .join("");

/** A daemon that knows this password; it computes with none of our code. */
function knows(password: string, last: "at once" | "one more question" = "at once"): void {
  let first = "";
  const challenge = (): string => `r=${/r=(.*)$/.exec(first)?.[1] ?? ""}more,s=${btoa("salt")},i=4096`;
  daemon.on(START, ({ payload }) => {
    first = saidIn(payload, 4 + 16 + 4);
    return Buffer.concat([words(0, 0), chars(challenge())]);
  });
  daemon.on(STEP, ({ payload }) => {
    const final = saidIn(payload, 4);
    if (final === "") return words(1, 1, 0);
    const whole = [first.slice(3), challenge(), final.replace(/,p=.*$/, "")].join(",");
    const salted = pbkdf2Sync(password, "salt", 4096, 32, "sha256");
    const key = createHmac("sha256", salted).update("Server Key").digest();
    const proof = createHmac("sha256", key).update(whole).digest("base64");
    return Buffer.concat([words(last === "at once" ? 1 : 0, 0), chars(`v=${proof}`)]);
  });
}

describe("a login by SASL", () => {
  it.each(["at once", "one more question"] as const)("ends with the daemon's proof, %s", async (last) => {
    knows(canary, last);
    daemon.on(59, () => text("h"));
    expect(await host.call("CONNECT_GET_HOSTNAME", {})).toEqual({ hostname: "h" });
    expect(daemon.calls).toEqual([LIST, INIT, START, STEP, ...(last === "at once" ? [] : [STEP]), 1, 59]);
  });

  it("is stopped at a daemon that does not know the password", async () => {
    knows("another");
    expect(await refused()).toContain("the daemon does not know the password; is this the right host?");
    expect(daemon.calls).not.toContain(1);
  });

  it("is stopped at a daemon that says yes to everything", async () => {
    daemon.on(START, () => words(1, 1, 0));
    expect(await refused()).toContain("not an answer to ours");
  });

  it("names the settings that are missing", async () => {
    host = Host.at(parseUri(daemon.uri));
    expect(await refused()).toContain("set kvm:saslUser (or a user in the URI) and kvm:password");
    expect(daemon.calls).not.toContain(START);
  });

  it("names the logins that it cannot do, and never sends the password in clear", async () => {
    daemon.on(INIT, () => text("PLAIN,DIGEST-MD5,GSSAPI"));
    expect(await refused()).toContain(
      "the daemon offers these SASL logins: PLAIN, DIGEST-MD5, GSSAPI; here are only SCRAM-SHA-512, SCRAM-SHA-256, SCRAM-SHA-1: put `mech_list: scram-sha-256` into /etc/sasl2/libvirt.conf there; on plain TCP",
    );
  });
});

describe("a login by polkit", () => {
  it.each([
    [94, "authentication unavailable: no polkit agent available to authenticate action 'org.libvirt.unix.manage'"],
    [45, "authentication failed: access denied by policy"],
    [79, "authentication cancelled: user cancelled authentication process"],
  ])("names the group and the rule where it is denied with %i", async (code, message) => {
    daemon.on(LIST, () => words(1, 2));
    daemon.on(70, (call) => {
      call.peer.reply(call, refusal(code, 60, message), { status: 1 });
      return undefined;
    });
    expect(await refused()).toBe(
      `connect ${daemon.uri}: polkit does not let this user in: add the user who connects to the group libvirt there (\`sudo usermod -aG libvirt USER\`, then log in anew), or allow org.libvirt.unix.manage to it by a rule in /etc/polkit-1/rules.d (libvirt says: ${message}, code ${code})`,
    );
  });

  it("names the lesser action where only reading was asked for", async () => {
    daemon.on(LIST, () => words(1, 2)).on(70, () => words(0));
    host = Host.at(parseUri(daemon.uri), { readOnly: true });
    expect(await refused()).toContain("allow org.libvirt.unix.monitor to it");
  });
});
