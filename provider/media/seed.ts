import { isoImage } from "./iso";

/** The documents of cloud-init's NoCloud data source. */
export interface SeedFiles {
  userData?: string;
  metaData: string;
  networkConfig?: string;
  vendorData?: string;
}

/**
 * A NoCloud seed as an ISO image labelled `cidata`, made in memory: it may hold passwords, so no file of it is left on
 * the client. cloud-init takes a seed only with both user-data and meta-data, so an absent user-data is an empty one.
 */
export function seedImage(files: SeedFiles): Buffer {
  const documents = {
    "meta-data": files.metaData,
    "user-data": files.userData ?? "#cloud-config\n",
    "network-config": files.networkConfig,
    "vendor-data": files.vendorData,
  };
  const given = Object.entries(documents).flatMap(([name, text]) =>
    text === undefined ? [] : [{ name, data: Buffer.from(text, "utf8") }],
  );
  return isoImage("cidata", given);
}
