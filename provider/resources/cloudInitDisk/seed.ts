import { createHash, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { asText, UNKNOWN, type Values } from "../../fields";
import { seedImage } from "../../media";

/** The properties that make the image. */
export const CONTENT = ["userData", "metaData", "networkConfig"] as const;

const stretched = promisify<Buffer, string, number, Buffer>(scrypt);
const DIGEST_BYTES = 32;

/**
 * The digest of the image that inputs ask for, `scrypt:...`; UNKNOWN while a part of it is. It stands in the state in clear,
 * and the disk's name is made from it: a fast one would let anybody try passwords, this one takes some 50 ms for each.
 */
export async function contentOf(name: string, inputs: Values): Promise<unknown> {
  if (CONTENT.some((property) => inputs[property] === UNKNOWN)) return UNKNOWN;
  const digest = await stretched(seedOf(name, inputs), name, DIGEST_BYTES);
  return `scrypt:${digest.toString("hex")}`;
}

/** The image that inputs ask for, `name` being the logical name; the same inputs give the same bytes. */
export function seedOf(name: string, inputs: Values): Buffer {
  const userData = asText(inputs["userData"]);
  const networkConfig = asText(inputs["networkConfig"]);
  return seedImage({
    metaData: asText(inputs["metaData"]) ?? metaData(name, [userData ?? "", networkConfig ?? ""]),
    ...(userData === undefined ? {} : { userData }),
    ...(networkConfig === undefined ? {} : { networkConfig }),
  });
}

/** The instance-id changes with the content, so that cloud-init acts on it at the next boot. */
function metaData(name: string, parts: readonly string[]): string {
  const instance = createHash("sha256")
    .update(JSON.stringify([name, ...parts]))
    .digest("hex")
    .slice(0, 16);
  return `instance-id: ${instance}\nlocal-hostname: ${hostNameOf(name)}\n`;
}

/** The logical name as RFC 1123 has it. */
function hostNameOf(name: string): string {
  const label = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .slice(0, 63);
  return label.replace(/^-+|-+$/g, "") || "localhost";
}
