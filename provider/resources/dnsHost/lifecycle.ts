import { entryResource } from "../networkEntry/lifecycle";
import { kind } from "./kind";

/** The names of one address in the DNS of a network that another program may own. */
export const dnsHost = entryResource(kind);
