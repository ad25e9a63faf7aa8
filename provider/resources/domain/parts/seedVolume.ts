import { isRecord } from "../../../fields";
import { seedImage } from "../../../media";
import { Code, isLibvirt } from "../../../rpc";
import { doing } from "../../errors";
import { printOwner } from "../../owner";
import type { Request } from "../../port";
import { ensureContentVolume } from "../../volume/make";
import type { FoundDomain } from "../observe";
import { isSeedAsIs, seedFiles, seedName } from "./seed";
import type { Goal } from "../../definition";

/** Makes the machine's seed volume where it is wanted, and says where the seed is that the definition is to have. */
export async function makeSeed(
  request: Request,
  goal: Goal,
  found: FoundDomain | undefined,
): Promise<string | undefined> {
  const wish = goal.inputs["cloudInit"];
  // A seed that the program never named is not its own: so it is after an import.
  const isForeign = wish === undefined && goal.managed !== undefined && goal.managed["cloudInit"] === undefined;
  if (isForeign || isSeedAsIs(wish)) return found?.seedPath;
  if (!isRecord(wish)) return undefined;
  const name = seedName(goal.id, goal.inputs);
  if (found?.seedPath?.endsWith(`/${name}`)) return found.seedPath;
  const bytes = seedImage(seedFiles(goal.id, goal.inputs));
  const made = await doing(`make the seed of domain "${goal.name}"`, () =>
    ensureContentVolume(request, { pool: String(wish["pool"]), name, bytes, owner: printOwner(request.owner) }),
  );
  return made.path;
}

/** Takes away the seed that an earlier swap left in the guest's drive, once the guest has let it go. */
export async function dropFormerSeed(request: Request, found: FoundDomain, kept: string | undefined): Promise<void> {
  const former = found.mark?.formerSeed;
  if (found.saved || former === found.liveSeedPath || former === found.seedPath) return;
  await dropSeed(request, former, kept);
}

/** Takes away a seed volume that a definition names no more; only seeds that we made have such a name. */
export async function dropSeed(request: Request, path: string | undefined, kept: string | undefined): Promise<void> {
  if (path === undefined || path === kept || !/-seed-[0-9a-f]{12}\.iso$/.test(path)) return;
  try {
    const { vol } = await request.place.host.call("STORAGE_VOL_LOOKUP_BY_PATH", { path });
    await doing(`delete the seed volume ${vol.pool}/${vol.name}`, () =>
      request.place.host.call("STORAGE_VOL_DELETE", { vol, flags: 0 }),
    );
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    if (!isLibvirt(cause, Code.NO_STORAGE_VOL, Code.NO_STORAGE_POOL)) throw error;
  }
}
