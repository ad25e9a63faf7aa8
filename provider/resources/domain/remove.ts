import type { Values } from "../../fields";
import { Code, isLibvirt, LibvirtError } from "../../rpc";
import { explain, refused } from "../errors";
import type { Request } from "../port";
import { dropLeftovers } from "./proof/blanks";
import type { FoundDomain } from "./observe";
import { shutdownPolicy, stop } from "./power/power";
import { dropFormerSeed, dropSeed } from "./parts/seedVolume";

/** Managed save, snapshot metadata, NVRAM, checkpoint metadata; TPM state where libvirt knows the flag (8.9). */
const UNDEFINE_FLAGS = [1 | 2 | 4 | 16 | 32, 1 | 2 | 4 | 16, 1 | 2, 0] as const;

/** Stops the machine as the program wants it stopped, and takes it away with all that is its own. */
export async function remove(request: Request, found: FoundDomain, olds: Values): Promise<void> {
  if (found.live || found.power === "crashed") {
    await stop(request, found.name, found.id, shutdownPolicy(olds, true));
  }
  await dropSeed(request, found.seedPath, undefined);
  await dropSeed(request, found.liveSeedPath, found.seedPath);
  await dropFormerSeed(request, { ...found, saved: false }, undefined);
  await dropLeftovers(request, found.id, found.inactive, olds["whenRestartNeeded"] === "restart").catch(
    (error: unknown) => {
      // What is left of a proof does not hold up a delete.
      if (!(error instanceof LibvirtError)) throw error;
      request.warn(`what a proof of domain "${found.name}" may have left could not be looked for: ${refused(error)}`);
    },
  );
  await undefine(request, found);
}

async function undefine(request: Request, found: FoundDomain): Promise<void> {
  for (const flags of UNDEFINE_FLAGS) {
    try {
      await request.place.host.call("DOMAIN_UNDEFINE_FLAGS", { dom: found.handle, flags });
      return;
    } catch (error) {
      if (isLibvirt(error, Code.NO_DOMAIN)) return;
      // An older libvirt, or another driver, does not know a flag: the next set has fewer.
      if (!isLibvirt(error, Code.INVALID_ARG, Code.NO_SUPPORT, Code.ARGUMENT_UNSUPPORTED) || flags === 0) {
        throw explain(`undefine domain "${found.name}"`, error);
      }
    }
  }
}
