import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { isNativeError } from "node:util/types";
import type { Judgement } from "./matters";

/** Who asks, as this machine knows them. */
export interface Account {
  readonly name: string;
  /** -1 where the system has no such numbers. */
  readonly uid: number;
  /** Groups that this process has. */
  readonly groups: readonly number[];
  /** The group that may use libvirt's sockets, where this machine has it. */
  readonly libvirt: { readonly gid: number; readonly members: readonly string[] } | undefined;
}

/** The account of this process. */
export function accountHere(): Account {
  const uid = process.getuid?.() ?? -1;
  const groups = [...(process.getgroups?.() ?? []), process.getgid?.() ?? -1];
  return { name: nameOf(uid), uid, groups, libvirt: libvirtIn(textOf("/etc/group")) };
}

/** Whether the account is of the group libvirt; membership counts from the next login on. Pure. */
export function judgeAccount({ name, uid, groups, libvirt }: Account): Judgement {
  const who = `${name} (${uid})`;
  if (uid === 0) return { fact: who };
  if (!libvirt) return { fact: `${who}; this machine has no group libvirt` };
  if (groups.includes(libvirt.gid)) return { fact: `${who}, of the group libvirt` };
  if (libvirt.members.includes(name)) return { why: `${who} came to the group libvirt after this login` };
  return { fact: `${who}, not of the group libvirt` };
}

/** Its line in the text of group(5): name, password, number, members. */
export function libvirtIn(text: string): Account["libvirt"] {
  const [, gid, members = ""] = /^libvirt:[^:\n]*:(\d+):(.*)$/m.exec(text) ?? [];
  return gid === undefined ? undefined : { gid: Number(gid), members: members.split(",") };
}

/** Numbers without a name are accounts too, as in containers. */
function nameOf(uid: number): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (isNativeError(error) && "code" in error && error.code === "ERR_SYSTEM_ERROR") return `user ${uid}`;
    throw error;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isNativeError(error) && "code" in error && ["ENOENT", "EACCES"].includes(String(error.code))) return "";
    throw error;
  }
}
