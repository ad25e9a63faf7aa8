import { homedir } from "node:os";
import { join } from "node:path";
import { DEFAULTS, hasUnknown, UNKNOWN, type Values } from "../../fields";
import { isFilled, withName } from "../naming";
import type { Request } from "../port";
import { pool } from "./fields";

/** Gives a directory pool without a path its own folder where libvirt's tools keep images, by the pool's name. */
export function withPath(request: Request, olds: Values | undefined, inputs: Values): Values {
  if (inputs["path"] !== undefined || inputs["type"] !== "dir") return inputs;
  const folder = imagesFolder(request);
  if (folder === undefined) return inputs;
  const before = olds && isFilled(olds, "path") ? olds["path"] : undefined;
  const named = withName(pool, request, olds, before === undefined ? inputs : { ...inputs, path: before });
  const { name, [DEFAULTS]: listed } = named;
  const own = hasUnknown(name) ? UNKNOWN : `${folder}/${String(name)}`;
  const path = before !== undefined && name === olds?.["name"] ? before : own;
  return { ...named, path, [DEFAULTS]: [...(Array.isArray(listed) ? (listed as unknown[]) : []), "path"] };
}

/** The system's, or the user's own; of an account on another machine it is not known here. */
function imagesFolder({ place: { uri } }: Request): string | undefined {
  if (uri.path === "/system") return "/var/lib/libvirt/images";
  if (uri.path !== "/session" || uri.transport !== "unix") return undefined;
  const given = process.env["XDG_DATA_HOME"];
  const data = given === undefined || given === "" ? join(process.env["HOME"] ?? homedir(), ".local/share") : given;
  return join(data, "libvirt/images");
}
