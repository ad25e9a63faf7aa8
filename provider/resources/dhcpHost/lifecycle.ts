import { entryResource } from "../networkEntry/lifecycle";
import { kind } from "./kind";

/** One fixed address of a network that another program may own. */
export const dhcpHost = entryResource(kind);
