import * as objects from "./objects";
import { Program } from "./packet";
import * as xdr from "./xdr";

/** Where a call waits: reads never stand behind writes, and long calls have connections of their own. */
export type Lane = "read" | "write" | "long";

/** One procedure of libvirt: its number and what goes in and out. */
export interface Procedure<A, R> {
  program: number;
  number: number;
  lane: Lane;
  args: xdr.Codec<A>;
  result: xdr.Codec<R>;
}

function procedureOf(program: number) {
  return <A extends xdr.Fields, R extends xdr.Fields>(
    number: number,
    lane: Lane,
    args: A,
    result: R,
  ): Procedure<xdr.StructOf<A>, xdr.StructOf<R>> => ({
    program,
    number,
    lane,
    args: xdr.struct(args),
    result: xdr.struct(result),
  });
}

const procedure = procedureOf(Program.REMOTE);
const qemuProcedure = procedureOf(Program.QEMU);

const { array, bytes, hyper, int, optional, string, uhyper, uint } = xdr;
const { characters, dhcpLease, domain, domainCheckpoint, domainInterface, domainSnapshot, domainStats } = objects;
const { network, networkInterface, nodeDevice, nwfilter, secret, storagePool, storageVol, typedParams, uuid } = objects;

/**
 * The procedures that we use, with libvirt's own names of procedures, arguments and results: its manual is theirs
 * (https://libvirt.org/html/libvirt-libvirt-domain.html and its neighbours).
 */
// prettier-ignore
export const procedures = {
  // Connection and host.
  CONNECT_OPEN: procedure(1, "read", { name: optional(string), flags: uint }, {}),
  CONNECT_CLOSE: procedure(2, "read", {}, {}),
  AUTH_LIST: procedure(66, "read", {}, { types: array(int, 20) }),
  AUTH_SASL_INIT: procedure(67, "read", {}, { mechlist: string }),
  AUTH_SASL_START: procedure(68, "read", { mech: string, nil: int, data: array(int, 65536) }, { complete: int, nil: int, data: array(int, 65536) }),
  AUTH_SASL_STEP: procedure(69, "read", { nil: int, data: array(int, 65536) }, { complete: int, nil: int, data: array(int, 65536) }),
  AUTH_POLKIT: procedure(70, "read", {}, { complete: int }),
  CONNECT_GET_TYPE: procedure(3, "read", {}, { type: string }),
  CONNECT_GET_VERSION: procedure(4, "read", {}, { hv_ver: uhyper }),
  CONNECT_GET_LIB_VERSION: procedure(157, "read", {}, { lib_ver: uhyper }),
  CONNECT_GET_HOSTNAME: procedure(59, "read", {}, { hostname: string }),
  CONNECT_GET_URI: procedure(110, "read", {}, { uri: string }),
  CONNECT_GET_SYSINFO: procedure(203, "read", { flags: uint }, { sysinfo: string }),
  CONNECT_IS_SECURE: procedure(149, "read", {}, { secure: int }),
  CONNECT_SUPPORTS_FEATURE: procedure(60, "read", { feature: int }, { supported: int }),
  CONNECT_GET_CAPABILITIES: procedure(7, "read", {}, { capabilities: string }),
  CONNECT_GET_DOMAIN_CAPABILITIES: procedure(342, "read", { emulatorbin: optional(string), arch: optional(string), machine: optional(string), virttype: optional(string), flags: uint }, { capabilities: string }),
  CONNECT_GET_STORAGE_POOL_CAPABILITIES: procedure(403, "read", { flags: uint }, { capabilities: string }),
  CONNECT_GET_MAX_VCPUS: procedure(5, "read", { type: optional(string) }, { max_vcpus: int }),
  CONNECT_GET_CPU_MODEL_NAMES: procedure(312, "read", { arch: string, need_results: int, flags: uint }, { models: array(string, 8192), ret: int }),
  CONNECT_COMPARE_HYPERVISOR_CPU: procedure(393, "read", { emulator: optional(string), arch: optional(string), machine: optional(string), virttype: optional(string), xmlCPU: string, flags: uint }, { result: int }),
  CONNECT_DOMAIN_XML_FROM_NATIVE: procedure(135, "read", { nativeFormat: string, nativeConfig: string, flags: uint }, { domainXml: string }),
  CONNECT_DOMAIN_XML_TO_NATIVE: procedure(136, "read", { nativeFormat: string, domainXml: string, flags: uint }, { nativeConfig: string }),
  NODE_GET_INFO: procedure(6, "read", {}, { model: characters(32), memory: uhyper, cpus: int, mhz: int, nodes: int, sockets: int, cores: int, threads: int }),
  NODE_GET_FREE_MEMORY: procedure(102, "read", {}, { freeMem: uhyper }),
  NODE_GET_SEV_INFO: procedure(395, "read", { nparams: int, flags: uint }, { params: typedParams(64), nparams: int }),

  // Domains: look-ups and lists.
  CONNECT_LIST_ALL_DOMAINS: procedure(273, "read", { need_results: int, flags: uint }, { domains: array(domain, 16_384), ret: uint }),
  CONNECT_GET_ALL_DOMAIN_STATS: procedure(344, "read", { doms: array(domain, 16_384), stats: uint, flags: uint }, { retStats: array(domainStats, 16_384) }),
  DOMAIN_LOOKUP_BY_ID: procedure(22, "read", { id: int }, { dom: domain }),
  DOMAIN_LOOKUP_BY_NAME: procedure(23, "read", { name: string }, { dom: domain }),
  DOMAIN_LOOKUP_BY_UUID: procedure(24, "read", { uuid }, { dom: domain }),
  DOMAIN_GET_XML_DESC: procedure(14, "read", { dom: domain, flags: uint }, { xml: string }),
  DOMAIN_GET_STATE: procedure(212, "read", { dom: domain, flags: uint }, { state: int, reason: int }),
  DOMAIN_GET_INFO: procedure(16, "read", { dom: domain }, { state: uint, maxMem: uhyper, memory: uhyper, nrVirtCpu: uint, cpuTime: uhyper }),
  DOMAIN_GET_CONTROL_INFO: procedure(229, "read", { dom: domain, flags: uint }, { state: uint, details: uint, stateTime: uhyper }),
  DOMAIN_GET_AUTOSTART: procedure(15, "read", { dom: domain }, { autostart: int }),
  DOMAIN_IS_ACTIVE: procedure(150, "read", { dom: domain }, { active: int }),
  DOMAIN_IS_PERSISTENT: procedure(151, "read", { dom: domain }, { persistent: int }),
  DOMAIN_IS_UPDATED: procedure(202, "read", { dom: domain }, { updated: int }),
  DOMAIN_GET_METADATA: procedure(265, "read", { dom: domain, type: int, uri: optional(string), flags: uint }, { metadata: string }),
  DOMAIN_GET_HOSTNAME: procedure(277, "long", { dom: domain, flags: uint }, { hostname: string }),
  DOMAIN_GET_VCPUS_FLAGS: procedure(200, "read", { dom: domain, flags: uint }, { num: int }),
  DOMAIN_GET_MAX_MEMORY: procedure(17, "read", { dom: domain }, { memory: uhyper }),
  DOMAIN_GET_BLOCK_INFO: procedure(194, "read", { dom: domain, path: string, flags: uint }, { allocation: uhyper, capacity: uhyper, physical: uhyper }),
  DOMAIN_GET_BLOCK_JOB_INFO: procedure(238, "read", { dom: domain, path: string, flags: uint }, { found: int, type: int, bandwidth: uhyper, cur: uhyper, end: uhyper }),
  DOMAIN_GET_BLOCK_IO_TUNE: procedure(253, "read", { dom: domain, disk: optional(string), nparams: int, flags: uint }, { params: typedParams(32), nparams: int }),
  DOMAIN_GET_BLKIO_PARAMETERS: procedure(206, "read", { dom: domain, nparams: int, flags: uint }, { params: typedParams(16), nparams: int }),
  DOMAIN_GET_MEMORY_PARAMETERS: procedure(198, "read", { dom: domain, nparams: int, flags: uint }, { params: typedParams(16), nparams: int }),
  DOMAIN_GET_NUMA_PARAMETERS: procedure(255, "read", { dom: domain, nparams: int, flags: uint }, { params: typedParams(16), nparams: int }),
  DOMAIN_GET_SCHEDULER_TYPE: procedure(56, "read", { dom: domain }, { type: string, nparams: int }),
  DOMAIN_GET_SCHEDULER_PARAMETERS_FLAGS: procedure(223, "read", { dom: domain, nparams: int, flags: uint }, { params: typedParams(16) }),
  DOMAIN_GET_INTERFACE_PARAMETERS: procedure(257, "read", { dom: domain, device: string, nparams: int, flags: uint }, { params: typedParams(16), nparams: int }),
  DOMAIN_GET_JOB_STATS: procedure(298, "read", { dom: domain, flags: uint }, { type: int, params: typedParams(64) }),
  DOMAIN_GET_LAUNCH_SECURITY_INFO: procedure(396, "read", { dom: domain, flags: uint }, { params: typedParams(64) }),
  DOMAIN_GET_MESSAGES: procedure(426, "read", { dom: domain, flags: uint }, { msgs: array(string, 2048) }),
  DOMAIN_GET_AUTOSTART_ONCE: procedure(449, "read", { dom: domain }, { autostart: int }),
  DOMAIN_HAS_MANAGED_SAVE_IMAGE: procedure(183, "read", { dom: domain, flags: uint }, { result: int }),
  DOMAIN_MANAGED_SAVE_GET_XML_DESC: procedure(388, "read", { dom: domain, flags: uint }, { xml: string }),

  // Domains: what the guest's agent may keep waiting.
  DOMAIN_INTERFACE_ADDRESSES: procedure(353, "long", { dom: domain, source: uint, flags: uint }, { ifaces: array(domainInterface, 2048) }),
  DOMAIN_GET_GUEST_INFO: procedure(418, "long", { dom: domain, types: uint, flags: uint }, { params: typedParams(2048) }),
  DOMAIN_GET_GUEST_VCPUS: procedure(371, "long", { dom: domain, flags: uint }, { params: typedParams(64) }),
  DOMAIN_SET_GUEST_VCPUS: procedure(372, "long", { dom: domain, cpumap: string, state: int, flags: uint }, {}),
  DOMAIN_GET_TIME: procedure(337, "long", { dom: domain, flags: uint }, { seconds: hyper, nseconds: uint }),
  DOMAIN_SET_TIME: procedure(338, "long", { dom: domain, seconds: hyper, nseconds: uint, flags: uint }, {}),
  DOMAIN_FSFREEZE: procedure(335, "long", { dom: domain, mountpoints: array(string, 256), flags: uint }, { filesystems: int }),
  DOMAIN_FSTHAW: procedure(336, "long", { dom: domain, mountpoints: array(string, 256), flags: uint }, { filesystems: int }),
  DOMAIN_FSTRIM: procedure(294, "long", { dom: domain, mountPoint: optional(string), minimum: uhyper, flags: uint }, {}),
  DOMAIN_SET_USER_PASSWORD: procedure(357, "long", { dom: domain, user: optional(string), password: optional(string), flags: uint }, {}),
  DOMAIN_AUTHORIZED_SSH_KEYS_GET: procedure(424, "long", { dom: domain, user: string, flags: uint }, { keys: array(string, 2048) }),
  DOMAIN_AUTHORIZED_SSH_KEYS_SET: procedure(425, "long", { dom: domain, user: string, keys: array(string, 2048), flags: uint }, {}),
  DOMAIN_AGENT_SET_RESPONSE_TIMEOUT: procedure(420, "write", { dom: domain, timeout: int, flags: uint }, { result: int }),
  QEMU_DOMAIN_AGENT_COMMAND: qemuProcedure(3, "long", { dom: domain, cmd: string, timeout: int, flags: uint }, { result: optional(string) }),
  QEMU_DOMAIN_MONITOR_COMMAND: qemuProcedure(1, "long", { dom: domain, cmd: string, flags: uint }, { result: string }),

  // Domains: definition and life.
  DOMAIN_DEFINE_XML_FLAGS: procedure(350, "write", { xml: string, flags: uint }, { dom: domain }),
  DOMAIN_DEFINE_XML: procedure(11, "write", { xml: string }, { dom: domain }),
  DOMAIN_UNDEFINE_FLAGS: procedure(231, "write", { dom: domain, flags: uint }, {}),
  DOMAIN_CREATE_XML: procedure(10, "long", { xml_desc: string, flags: uint }, { dom: domain }),
  DOMAIN_CREATE_WITH_FLAGS: procedure(196, "long", { dom: domain, flags: uint }, { dom: domain }),
  DOMAIN_DESTROY_FLAGS: procedure(234, "long", { dom: domain, flags: uint }, {}),
  DOMAIN_SHUTDOWN_FLAGS: procedure(258, "long", { dom: domain, flags: uint }, {}),
  DOMAIN_REBOOT: procedure(27, "long", { dom: domain, flags: uint }, {}),
  DOMAIN_RESET: procedure(245, "write", { dom: domain, flags: uint }, {}),
  DOMAIN_SUSPEND: procedure(34, "long", { dom: domain }, {}),
  DOMAIN_RESUME: procedure(28, "long", { dom: domain }, {}),
  DOMAIN_PM_SUSPEND_FOR_DURATION: procedure(261, "long", { dom: domain, target: uint, duration: uhyper, flags: uint }, {}),
  DOMAIN_PM_WAKEUP: procedure(267, "long", { dom: domain, flags: uint }, {}),
  DOMAIN_SET_AUTOSTART: procedure(29, "write", { dom: domain, autostart: int }, {}),
  DOMAIN_SET_AUTOSTART_ONCE: procedure(450, "write", { dom: domain, autostart: int }, {}),
  DOMAIN_RENAME: procedure(358, "write", { dom: domain, new_name: optional(string), flags: uint }, { retcode: int }),
  DOMAIN_SET_METADATA: procedure(264, "write", { dom: domain, type: int, metadata: optional(string), key: optional(string), uri: optional(string), flags: uint }, {}),
  DOMAIN_SET_LIFECYCLE_ACTION: procedure(390, "write", { dom: domain, type: uint, action: uint, flags: uint }, {}),
  DOMAIN_MANAGED_SAVE: procedure(182, "long", { dom: domain, flags: uint }, {}),
  DOMAIN_MANAGED_SAVE_REMOVE: procedure(184, "write", { dom: domain, flags: uint }, {}),
  DOMAIN_MANAGED_SAVE_DEFINE_XML: procedure(389, "write", { dom: domain, dxml: optional(string), flags: uint }, {}),
  DOMAIN_SAVE_FLAGS: procedure(232, "long", { dom: domain, to: string, dxml: optional(string), flags: uint }, {}),
  DOMAIN_RESTORE_FLAGS: procedure(233, "long", { from: string, dxml: optional(string), flags: uint }, {}),
  DOMAIN_ABORT_JOB: procedure(164, "write", { dom: domain }, {}),
  DOMAIN_GRAPHICS_RELOAD: procedure(448, "write", { dom: domain, type: uint, flags: uint }, {}),
  DOMAIN_OPEN_CONSOLE: procedure(201, "long", { dom: domain, dev_name: optional(string), flags: uint }, {}),
  DOMAIN_SEND_KEY: procedure(226, "write", { dom: domain, codeset: uint, holdtime: uint, keycodes: array(uint, 16), flags: uint }, {}),
  DOMAIN_SCREENSHOT: procedure(211, "long", { dom: domain, screen: uint, flags: uint }, { mime: optional(string) }),
  DOMAIN_MIGRATE_PERFORM3_PARAMS: procedure(305, "long", { dom: domain, dconnuri: optional(string), params: typedParams(64), cookie_in: bytes(4_194_304), flags: uint }, { cookie_out: bytes(4_194_304) }),

  // Domains: live changes. Hot-plug waits for the guest or for QEMU, so it is long.
  DOMAIN_ATTACH_DEVICE_FLAGS: procedure(160, "long", { dom: domain, xml: string, flags: uint }, {}),
  DOMAIN_DETACH_DEVICE_FLAGS: procedure(161, "long", { dom: domain, xml: string, flags: uint }, {}),
  DOMAIN_DETACH_DEVICE_ALIAS: procedure(392, "long", { dom: domain, alias: string, flags: uint }, {}),
  DOMAIN_UPDATE_DEVICE_FLAGS: procedure(174, "long", { dom: domain, xml: string, flags: uint }, {}),
  DOMAIN_SET_VCPUS_FLAGS: procedure(199, "long", { dom: domain, nvcpus: uint, flags: uint }, {}),
  DOMAIN_SET_VCPU: procedure(384, "long", { dom: domain, cpumap: string, state: int, flags: uint }, {}),
  DOMAIN_PIN_VCPU_FLAGS: procedure(225, "write", { dom: domain, vcpu: uint, cpumap: bytes(2048), flags: uint }, {}),
  DOMAIN_PIN_EMULATOR: procedure(279, "write", { dom: domain, cpumap: bytes(2048), flags: uint }, {}),
  DOMAIN_PIN_IOTHREAD: procedure(352, "write", { dom: domain, iothreads_id: uint, cpumap: bytes(2048), flags: uint }, {}),
  DOMAIN_ADD_IOTHREAD: procedure(355, "write", { dom: domain, iothread_id: uint, flags: uint }, {}),
  DOMAIN_DEL_IOTHREAD: procedure(356, "write", { dom: domain, iothread_id: uint, flags: uint }, {}),
  DOMAIN_SET_IOTHREAD_PARAMS: procedure(402, "write", { dom: domain, iothread_id: uint, params: typedParams(64), flags: uint }, {}),
  DOMAIN_SET_MEMORY_FLAGS: procedure(204, "long", { dom: domain, memory: uhyper, flags: uint }, {}),
  DOMAIN_SET_MEMORY_STATS_PERIOD: procedure(308, "write", { dom: domain, period: int, flags: uint }, {}),
  DOMAIN_SET_MEMORY_PARAMETERS: procedure(197, "write", { dom: domain, params: typedParams(16), flags: uint }, {}),
  DOMAIN_SET_BLKIO_PARAMETERS: procedure(205, "write", { dom: domain, params: typedParams(16), flags: uint }, {}),
  DOMAIN_SET_NUMA_PARAMETERS: procedure(254, "write", { dom: domain, params: typedParams(16), flags: uint }, {}),
  DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS: procedure(219, "write", { dom: domain, params: typedParams(16), flags: uint }, {}),
  DOMAIN_SET_INTERFACE_PARAMETERS: procedure(256, "write", { dom: domain, device: string, params: typedParams(16), flags: uint }, {}),
  DOMAIN_SET_PERF_EVENTS: procedure(366, "write", { dom: domain, params: typedParams(64), flags: uint }, {}),
  DOMAIN_SET_BLOCK_IO_TUNE: procedure(252, "write", { dom: domain, disk: string, params: typedParams(32), flags: uint }, {}),
  DOMAIN_SET_BLOCK_THRESHOLD: procedure(386, "write", { dom: domain, dev: string, threshold: uhyper, flags: uint }, {}),
  DOMAIN_BLOCK_RESIZE: procedure(251, "long", { dom: domain, disk: string, size: uhyper, flags: uint }, {}),
  DOMAIN_BLOCK_COPY: procedure(345, "long", { dom: domain, path: string, destxml: string, params: typedParams(16), flags: uint }, {}),
  DOMAIN_BLOCK_PULL: procedure(240, "long", { dom: domain, path: string, bandwidth: uhyper, flags: uint }, {}),
  DOMAIN_BLOCK_COMMIT: procedure(290, "long", { dom: domain, disk: string, base: optional(string), top: optional(string), bandwidth: uhyper, flags: uint }, {}),
  DOMAIN_BLOCK_JOB_ABORT: procedure(237, "long", { dom: domain, path: string, flags: uint }, {}),

  // Snapshots, checkpoints, backups.
  DOMAIN_SNAPSHOT_CREATE_XML: procedure(185, "long", { dom: domain, xml_desc: string, flags: uint }, { snap: domainSnapshot }),
  DOMAIN_SNAPSHOT_GET_XML_DESC: procedure(186, "read", { snap: domainSnapshot, flags: uint }, { xml: string }),
  DOMAIN_SNAPSHOT_LOOKUP_BY_NAME: procedure(189, "read", { dom: domain, name: string, flags: uint }, { snap: domainSnapshot }),
  DOMAIN_SNAPSHOT_CURRENT: procedure(191, "read", { dom: domain, flags: uint }, { snap: domainSnapshot }),
  DOMAIN_HAS_CURRENT_SNAPSHOT: procedure(190, "read", { dom: domain, flags: uint }, { result: int }),
  DOMAIN_LIST_ALL_SNAPSHOTS: procedure(274, "read", { dom: domain, need_results: int, flags: uint }, { snapshots: array(domainSnapshot, 16_384), ret: int }),
  DOMAIN_SNAPSHOT_LIST_ALL_CHILDREN: procedure(275, "read", { snapshot: domainSnapshot, need_results: int, flags: uint }, { snapshots: array(domainSnapshot, 16_384), ret: int }),
  DOMAIN_SNAPSHOT_DELETE: procedure(193, "long", { snap: domainSnapshot, flags: uint }, {}),
  DOMAIN_REVERT_TO_SNAPSHOT: procedure(192, "long", { snap: domainSnapshot, flags: uint }, {}),
  DOMAIN_CHECKPOINT_CREATE_XML: procedure(411, "long", { dom: domain, xml_desc: string, flags: uint }, { checkpoint: domainCheckpoint }),
  DOMAIN_CHECKPOINT_GET_XML_DESC: procedure(412, "read", { checkpoint: domainCheckpoint, flags: uint }, { xml: string }),
  DOMAIN_CHECKPOINT_LOOKUP_BY_NAME: procedure(415, "read", { dom: domain, name: string, flags: uint }, { checkpoint: domainCheckpoint }),
  DOMAIN_LIST_ALL_CHECKPOINTS: procedure(413, "read", { dom: domain, need_results: int, flags: uint }, { checkpoints: array(domainCheckpoint, 16_384), ret: int }),
  DOMAIN_CHECKPOINT_DELETE: procedure(417, "long", { checkpoint: domainCheckpoint, flags: uint }, {}),
  DOMAIN_BACKUP_BEGIN: procedure(421, "long", { dom: domain, backup_xml: string, checkpoint_xml: optional(string), flags: uint }, {}),
  DOMAIN_BACKUP_GET_XML_DESC: procedure(422, "read", { dom: domain, flags: uint }, { xml: string }),

  // Networks. libvirt polls dnsmasq, so starting, updating and stopping one is long.
  CONNECT_LIST_ALL_NETWORKS: procedure(283, "read", { need_results: int, flags: uint }, { nets: array(network, 16_384), ret: uint }),
  NETWORK_LOOKUP_BY_NAME: procedure(46, "read", { name: string }, { net: network }),
  NETWORK_LOOKUP_BY_UUID: procedure(47, "read", { uuid }, { net: network }),
  NETWORK_GET_XML_DESC: procedure(43, "read", { net: network, flags: uint }, { xml: string }),
  NETWORK_GET_AUTOSTART: procedure(44, "read", { net: network }, { autostart: int }),
  NETWORK_GET_BRIDGE_NAME: procedure(45, "read", { net: network }, { name: string }),
  NETWORK_IS_ACTIVE: procedure(152, "read", { net: network }, { active: int }),
  NETWORK_IS_PERSISTENT: procedure(153, "read", { net: network }, { persistent: int }),
  NETWORK_GET_DHCP_LEASES: procedure(341, "read", { net: network, mac: optional(string), need_results: int, flags: uint }, { leases: array(dhcpLease, 65_536), ret: uint }),
  NETWORK_GET_METADATA: procedure(445, "read", { network, type: int, uri: optional(string), flags: uint }, { metadata: string }),
  NETWORK_DEFINE_XML_FLAGS: procedure(432, "write", { xml: string, flags: uint }, { net: network }),
  NETWORK_DEFINE_XML: procedure(41, "write", { xml: string }, { net: network }),
  NETWORK_UNDEFINE: procedure(49, "write", { net: network }, {}),
  NETWORK_SET_AUTOSTART: procedure(48, "write", { net: network, autostart: int }, {}),
  NETWORK_SET_METADATA: procedure(444, "write", { network, type: int, metadata: optional(string), key: optional(string), uri: optional(string), flags: uint }, {}),
  NETWORK_CREATE: procedure(39, "long", { net: network }, {}),
  NETWORK_CREATE_XML: procedure(40, "long", { xml: string }, { net: network }),
  NETWORK_DESTROY: procedure(42, "long", { net: network }, {}),
  NETWORK_UPDATE: procedure(291, "long", { net: network, command: uint, section: uint, parentIndex: int, xml: string, flags: uint }, {}),

  // Storage pools.
  CONNECT_LIST_ALL_STORAGE_POOLS: procedure(281, "read", { need_results: int, flags: uint }, { pools: array(storagePool, 16_384), ret: uint }),
  CONNECT_FIND_STORAGE_POOL_SOURCES: procedure(75, "long", { type: string, srcSpec: optional(string), flags: uint }, { xml: string }),
  STORAGE_POOL_LOOKUP_BY_NAME: procedure(84, "read", { name: string }, { pool: storagePool }),
  STORAGE_POOL_LOOKUP_BY_UUID: procedure(85, "read", { uuid }, { pool: storagePool }),
  STORAGE_POOL_LOOKUP_BY_VOLUME: procedure(86, "read", { vol: storageVol }, { pool: storagePool }),
  STORAGE_POOL_LOOKUP_BY_TARGET_PATH: procedure(391, "read", { path: string }, { pool: storagePool }),
  STORAGE_POOL_GET_XML_DESC: procedure(88, "read", { pool: storagePool, flags: uint }, { xml: string }),
  STORAGE_POOL_GET_INFO: procedure(87, "read", { pool: storagePool }, { state: uint, capacity: uhyper, allocation: uhyper, available: uhyper }),
  STORAGE_POOL_GET_AUTOSTART: procedure(89, "read", { pool: storagePool }, { autostart: int }),
  STORAGE_POOL_IS_ACTIVE: procedure(154, "read", { pool: storagePool }, { active: int }),
  STORAGE_POOL_IS_PERSISTENT: procedure(155, "read", { pool: storagePool }, { persistent: int }),
  STORAGE_POOL_LIST_ALL_VOLUMES: procedure(282, "read", { pool: storagePool, need_results: int, flags: uint }, { vols: array(storageVol, 16_384), ret: uint }),
  STORAGE_POOL_DEFINE_XML: procedure(77, "write", { xml: string, flags: uint }, { pool: storagePool }),
  STORAGE_POOL_UNDEFINE: procedure(82, "write", { pool: storagePool }, {}),
  STORAGE_POOL_SET_AUTOSTART: procedure(90, "write", { pool: storagePool, autostart: int }, {}),
  STORAGE_POOL_CREATE_XML: procedure(76, "long", { xml: string, flags: uint }, { pool: storagePool }),
  STORAGE_POOL_CREATE: procedure(78, "long", { pool: storagePool, flags: uint }, {}),
  STORAGE_POOL_BUILD: procedure(79, "long", { pool: storagePool, flags: uint }, {}),
  STORAGE_POOL_DESTROY: procedure(80, "long", { pool: storagePool }, {}),
  STORAGE_POOL_DELETE: procedure(81, "long", { pool: storagePool, flags: uint }, {}),
  STORAGE_POOL_REFRESH: procedure(83, "long", { pool: storagePool, flags: uint }, {}),

  // Volumes.
  STORAGE_VOL_LOOKUP_BY_NAME: procedure(95, "read", { pool: storagePool, name: string }, { vol: storageVol }),
  STORAGE_VOL_LOOKUP_BY_KEY: procedure(96, "read", { key: string }, { vol: storageVol }),
  STORAGE_VOL_LOOKUP_BY_PATH: procedure(97, "read", { path: string }, { vol: storageVol }),
  STORAGE_VOL_GET_XML_DESC: procedure(99, "read", { vol: storageVol, flags: uint }, { xml: string }),
  STORAGE_VOL_GET_INFO: procedure(98, "read", { vol: storageVol }, { type: int, capacity: uhyper, allocation: uhyper }),
  STORAGE_VOL_GET_INFO_FLAGS: procedure(378, "read", { vol: storageVol, flags: uint }, { type: int, capacity: uhyper, allocation: uhyper }),
  STORAGE_VOL_GET_PATH: procedure(100, "read", { vol: storageVol }, { name: string }),
  STORAGE_VOL_CREATE_XML: procedure(93, "long", { pool: storagePool, xml: string, flags: uint }, { vol: storageVol }),
  STORAGE_VOL_CREATE_XML_FROM: procedure(125, "long", { pool: storagePool, xml: string, clonevol: storageVol, flags: uint }, { vol: storageVol }),
  STORAGE_VOL_DELETE: procedure(94, "long", { vol: storageVol, flags: uint }, {}),
  STORAGE_VOL_RESIZE: procedure(260, "long", { vol: storageVol, capacity: uhyper, flags: uint }, {}),
  STORAGE_VOL_WIPE: procedure(165, "long", { vol: storageVol, flags: uint }, {}),
  STORAGE_VOL_WIPE_PATTERN: procedure(259, "long", { vol: storageVol, algorithm: uint, flags: uint }, {}),
  STORAGE_VOL_UPLOAD: procedure(208, "long", { vol: storageVol, offset: uhyper, length: uhyper, flags: uint }, {}),
  STORAGE_VOL_DOWNLOAD: procedure(209, "long", { vol: storageVol, offset: uhyper, length: uhyper, flags: uint }, {}),

  // Secrets.
  CONNECT_LIST_ALL_SECRETS: procedure(287, "read", { need_results: int, flags: uint }, { secrets: array(secret, 16_384), ret: uint }),
  SECRET_LOOKUP_BY_UUID: procedure(141, "read", { uuid }, { secret }),
  SECRET_LOOKUP_BY_USAGE: procedure(147, "read", { usageType: int, usageID: string }, { secret }),
  SECRET_GET_XML_DESC: procedure(143, "read", { secret, flags: uint }, { xml: string }),
  SECRET_GET_VALUE: procedure(145, "read", { secret, flags: uint }, { value: bytes(65_536) }),
  SECRET_DEFINE_XML: procedure(142, "write", { xml: string, flags: uint }, { secret }),
  SECRET_SET_VALUE: procedure(144, "write", { secret, value: bytes(65_536), flags: uint }, {}),
  SECRET_UNDEFINE: procedure(146, "write", { secret }, {}),

  // Filters.
  CONNECT_LIST_ALL_NWFILTERS: procedure(286, "read", { need_results: int, flags: uint }, { filters: array(nwfilter, 16_384), ret: uint }),
  NWFILTER_LOOKUP_BY_NAME: procedure(175, "read", { name: string }, { nwfilter }),
  NWFILTER_LOOKUP_BY_UUID: procedure(176, "read", { uuid }, { nwfilter }),
  NWFILTER_GET_XML_DESC: procedure(177, "read", { nwfilter, flags: uint }, { xml: string }),
  NWFILTER_DEFINE_XML: procedure(180, "write", { xml: string }, { nwfilter }),
  NWFILTER_DEFINE_XML_FLAGS: procedure(431, "write", { xml: string, flags: uint }, { nwfilter }),
  NWFILTER_UNDEFINE: procedure(181, "write", { nwfilter }, {}),

  // Devices of the host.
  CONNECT_LIST_ALL_NODE_DEVICES: procedure(285, "read", { need_results: int, flags: uint }, { devices: array(nodeDevice, 65_536), ret: uint }),
  NODE_DEVICE_LOOKUP_BY_NAME: procedure(113, "read", { name: string }, { dev: nodeDevice }),
  NODE_DEVICE_GET_XML_DESC: procedure(114, "read", { name: string, flags: uint }, { xml: string }),
  NODE_DEVICE_GET_PARENT: procedure(115, "read", { name: string }, { parentName: optional(string) }),
  NODE_DEVICE_GET_AUTOSTART: procedure(433, "read", { name: string }, { autostart: int }),
  NODE_DEVICE_IS_ACTIVE: procedure(436, "read", { name: string }, { active: int }),
  NODE_DEVICE_IS_PERSISTENT: procedure(435, "read", { name: string }, { persistent: int }),
  NODE_DEVICE_SET_AUTOSTART: procedure(434, "write", { name: string, autostart: int }, {}),
  NODE_DEVICE_CREATE_XML: procedure(123, "long", { xml_desc: string, flags: uint }, { dev: nodeDevice }),
  NODE_DEVICE_DEFINE_XML: procedure(428, "write", { xml_desc: string, flags: uint }, { dev: nodeDevice }),
  NODE_DEVICE_CREATE: procedure(430, "long", { name: string, flags: uint }, {}),
  NODE_DEVICE_DESTROY: procedure(124, "long", { name: string }, {}),
  NODE_DEVICE_UNDEFINE: procedure(429, "write", { name: string, flags: uint }, {}),
  NODE_DEVICE_DETACH_FLAGS: procedure(301, "long", { name: string, driverName: optional(string), flags: uint }, {}),
  NODE_DEVICE_RE_ATTACH: procedure(119, "long", { name: string }, {}),
  NODE_DEVICE_RESET: procedure(120, "long", { name: string }, {}),

  // Interfaces of the host.
  CONNECT_LIST_ALL_INTERFACES: procedure(284, "read", { need_results: int, flags: uint }, { ifaces: array(networkInterface, 16_384), ret: uint }),
  INTERFACE_LOOKUP_BY_NAME: procedure(128, "read", { name: string }, { iface: networkInterface }),
  INTERFACE_GET_XML_DESC: procedure(130, "read", { iface: networkInterface, flags: uint }, { xml: string }),
  INTERFACE_IS_ACTIVE: procedure(156, "read", { iface: networkInterface }, { active: int }),
  INTERFACE_DEFINE_XML: procedure(131, "write", { xml: string, flags: uint }, { iface: networkInterface }),
  INTERFACE_UNDEFINE: procedure(132, "write", { iface: networkInterface }, {}),
  INTERFACE_CREATE: procedure(133, "long", { iface: networkInterface, flags: uint }, {}),
  INTERFACE_DESTROY: procedure(134, "long", { iface: networkInterface, flags: uint }, {}),

  // Registering for events (the events themselves: eventTable.ts).
  CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY: procedure(316, "read", { eventID: int, dom: optional(domain) }, { callbackID: int }),
  CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY: procedure(317, "read", { callbackID: int }, {}),
  CONNECT_NETWORK_EVENT_REGISTER_ANY: procedure(313, "read", { eventID: int, net: optional(network) }, { callbackID: int }),
  CONNECT_NETWORK_EVENT_DEREGISTER_ANY: procedure(314, "read", { callbackID: int }, {}),
  CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY: procedure(368, "read", { eventID: int, pool: optional(storagePool) }, { callbackID: int }),
  CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY: procedure(369, "read", { callbackID: int }, {}),
  CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY: procedure(374, "read", { eventID: int, dev: optional(nodeDevice) }, { callbackID: int }),
  CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY: procedure(375, "read", { callbackID: int }, {}),
  CONNECT_SECRET_EVENT_REGISTER_ANY: procedure(380, "read", { eventID: int, secret: optional(secret) }, { callbackID: int }),
  CONNECT_SECRET_EVENT_DEREGISTER_ANY: procedure(381, "read", { callbackID: int }, {}),
};

export type ProcedureName = keyof typeof procedures;
export type ArgumentsOf<P extends ProcedureName> = xdr.ValueOf<(typeof procedures)[P]["args"]>;
export type ResultOf<P extends ProcedureName> = xdr.ValueOf<(typeof procedures)[P]["result"]>;

const byName: { [P in ProcedureName]: Procedure<ArgumentsOf<P>, ResultOf<P>> } = procedures;

export function procedureNamed<P extends ProcedureName>(name: P): Procedure<ArgumentsOf<P>, ResultOf<P>> {
  return byName[name];
}
