import { parseArgs } from "node:util";
import { accountHere } from "../../resources/host/account";
import { examine, unusable } from "../../resources/host/examine";
import type { Finding } from "../../resources/host/lacks";
import { NEVER } from "../request";
import { type Configuration, placeFor, uriComplaint } from "../settings";
import { type Command, version } from "./commands";
import { asJson, asText, canRun } from "./report";

const usage = `usage: pulumi-kvm doctor [--uri URI] [--json]

Says what a host, this account and the link between can and cannot do, each lack with its remedy. Nothing is changed.

  --uri URI   the host; else KVM_URI, else LIBVIRT_DEFAULT_URI, else qemu:///system
  --json      the same for programs

Exit code: 0 where the host can run machines, 1 where something essential is missing or it cannot be reached, 2 for wrong words.
`;

/** What a host, an account and a link can and cannot do. */
export const doctor: Command = {
  usage,
  run: async (words, terminal) => {
    const options = { uri: { type: "string" }, json: { type: "boolean" } } as const;
    const { uri, json } = parseArgs({ args: [...words], options }).values;
    const configuration: Configuration = (key) => (key === "kvm:uri" ? uri : undefined);
    const report = { version: version(), ...(await examined(configuration)) };
    terminal.out(json === true ? asJson(report) : asText(report));
    return canRun(report) ? 0 : 1;
  },
};

/** A URI that is refused may hold a secret: it is not said. */
async function examined(configuration: Configuration): Promise<{ uri?: string; findings: Finding[] }> {
  const complaint = uriComplaint(configuration);
  if (complaint !== undefined) return { findings: [unusable(complaint)] };
  const place = placeFor(configuration);
  try {
    return { uri: place.uri.text, findings: await examine({ place, signal: NEVER }, accountHere()) };
  } finally {
    await place.host.close();
  }
}
