// The functions of the dynamic door. The plugin's have the same names, arguments and results.
import { type ArgsOf, later, type OutputArgsOf, plain, type ResultOf } from "./inProgram";

export type GetHostArgs = ArgsOf<"getHost">;
export type GetHostOutputArgs = OutputArgsOf<"getHost">;
export type GetHostResult = ResultOf<"getHost">;
/** What a host is, what its machines may have, and what it lacks. */
export const getHost = plain("getHost");
/** What a host is, what its machines may have, and what it lacks. */
export const getHostOutput = later("getHost");

export type GetDomainArgs = ArgsOf<"getDomain">;
export type GetDomainOutputArgs = OutputArgsOf<"getDomain">;
export type GetDomainResult = ResultOf<"getDomain">;
/** A machine of the host, whoever made it. */
export const getDomain = plain("getDomain");
/** A machine of the host, whoever made it. */
export const getDomainOutput = later("getDomain");

export type GetDomainsArgs = ArgsOf<"getDomains">;
export type GetDomainsOutputArgs = OutputArgsOf<"getDomains">;
export type GetDomainsResult = ResultOf<"getDomains">;
/** The machines of the host, whoever made them, in short and by name. */
export const getDomains = plain("getDomains");
/** The machines of the host, whoever made them, in short and by name. */
export const getDomainsOutput = later("getDomains");

export type GetNetworkArgs = ArgsOf<"getNetwork">;
export type GetNetworkOutputArgs = OutputArgsOf<"getNetwork">;
export type GetNetworkResult = ResultOf<"getNetwork">;
/** A libvirt network of the host, whoever made it. */
export const getNetwork = plain("getNetwork");
/** A libvirt network of the host, whoever made it. */
export const getNetworkOutput = later("getNetwork");

export type GetPoolArgs = ArgsOf<"getPool">;
export type GetPoolOutputArgs = OutputArgsOf<"getPool">;
export type GetPoolResult = ResultOf<"getPool">;
/** A storage pool of the host, whoever made it. */
export const getPool = plain("getPool");
/** A storage pool of the host, whoever made it. */
export const getPoolOutput = later("getPool");

export type GetVolumeArgs = ArgsOf<"getVolume">;
export type GetVolumeOutputArgs = OutputArgsOf<"getVolume">;
export type GetVolumeResult = ResultOf<"getVolume">;
/** A volume in a storage pool of the host, whoever made it. */
export const getVolume = plain("getVolume");
/** A volume in a storage pool of the host, whoever made it. */
export const getVolumeOutput = later("getVolume");

export type GetNodeDevicesArgs = ArgsOf<"getNodeDevices">;
export type GetNodeDevicesOutputArgs = OutputArgsOf<"getNodeDevices">;
export type GetNodeDevicesResult = ResultOf<"getNodeDevices">;
/** The devices of the host, such as those that a machine may be given. */
export const getNodeDevices = plain("getNodeDevices");
/** The devices of the host, such as those that a machine may be given. */
export const getNodeDevicesOutput = later("getNodeDevices");
