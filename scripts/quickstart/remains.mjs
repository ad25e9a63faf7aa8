// What a destroy left on the host: asked through virsh, which knows nothing of the provider's own view.
import { existsSync } from "node:fs";
import { capture } from "../shell.mjs";

const lists = {
  Domain: ["list", "--all", "--name"],
  Network: ["net-list", "--all", "--name"],
  StoragePool: ["pool-list", "--all", "--name"],
};

/** Lines that name each object of the former state that is still there. */
export function remains(resources) {
  return resources.flatMap((resource) => {
    const type = resource.type.split(":").at(-1);
    const outputs = resource.outputs ?? {};
    const found = [];
    if (lists[type] !== undefined && names(lists[type]).includes(outputs.name)) found.push(`${type} ${outputs.name}`);
    if (typeof outputs.path === "string" && existsSync(outputs.path)) found.push(`${type} ${outputs.path}`);
    return found;
  });
}

function names(list) {
  const uri = process.env.LIBVIRT_DEFAULT_URI ?? "qemu:///system";
  return capture(["virsh", "-q", "-c", uri, ...list]).out.split("\n");
}
