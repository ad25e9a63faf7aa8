import { ProtocolError } from "./errors";
import {
  array,
  double,
  hyper,
  int,
  mapped,
  opaque,
  optional,
  string,
  struct,
  uhyper,
  uint,
  type Codec,
  type ValueOf,
} from "./xdr";

/** A UUID: 16 bytes on the wire, lower-case text with dashes here. */
export const uuid: Codec<string> = mapped(
  opaque(16),
  (sixteen) => sixteen.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
  (text, writer) => {
    const digits = text.replaceAll("-", "");
    return /^[0-9a-f]{32}$/i.test(digits) ? Buffer.from(digits, "hex") : writer.refuse("this is no UUID");
  },
);

/** C's `char[size]`: XDR spends four bytes on each character. */
export function characters(size: number): Codec<string> {
  const each = Array.from({ length: size }, () => int);
  return {
    minimum: size * 4,
    read(reader) {
      const codes = each.map((one) => one.read(reader) & 0xff);
      const end = codes.indexOf(0);
      return Buffer.from(end < 0 ? codes : codes.slice(0, end)).toString("utf8");
    },
    write(writer, text) {
      const run = Buffer.from(text, "utf8");
      if (run.length > size) writer.refuse(`${run.length} bytes are more than ${size}`);
      each.forEach((one, index) => {
        one.write(writer, run[index] ?? 0);
      });
    },
  };
}

export const domain = struct({ name: string, uuid, id: int });
export const network = struct({ name: string, uuid });
export const nwfilter = struct({ name: string, uuid });
export const networkInterface = struct({ name: string, mac: string });
export const storagePool = struct({ name: string, uuid });
export const storageVol = struct({ pool: string, name: string, key: string });
export const nodeDevice = struct({ name: string });
export const secret = struct({ uuid, usageType: int, usageID: string });
export const domainSnapshot = struct({ name: string, dom: domain });
export const domainCheckpoint = struct({ name: string, dom: domain });

export type Domain = ValueOf<typeof domain>;
export type Network = ValueOf<typeof network>;
export type Nwfilter = ValueOf<typeof nwfilter>;
export type NetworkInterface = ValueOf<typeof networkInterface>;
export type StoragePool = ValueOf<typeof storagePool>;
export type StorageVol = ValueOf<typeof storageVol>;
export type NodeDevice = ValueOf<typeof nodeDevice>;
export type Secret = ValueOf<typeof secret>;
export type DomainSnapshot = ValueOf<typeof domainSnapshot>;
export type DomainCheckpoint = ValueOf<typeof domainCheckpoint>;

export const dhcpLease = struct({
  iface: string,
  /** Seconds since 1970. */
  expirytime: hyper,
  type: int,
  mac: optional(string),
  iaid: optional(string),
  ipaddr: string,
  prefix: uint,
  hostname: optional(string),
  clientid: optional(string),
});
export type DhcpLease = ValueOf<typeof dhcpLease>;

export const ipAddress = struct({ type: int, addr: string, prefix: uint });
export const domainInterface = struct({ name: string, hwaddr: optional(string), addrs: array(ipAddress, 2048) });
export type DomainInterface = ValueOf<typeof domainInterface>;

/** What libvirt says when it refuses. */
export const errorFields = struct({
  code: int,
  domain: int,
  message: optional(string),
  level: int,
  dom: optional(domain),
  str1: optional(string),
  str2: optional(string),
  str3: optional(string),
  int1: int,
  int2: int,
  net: optional(network),
});

/** A run of nothing within a sparse stream, in bytes. */
export const holeFields = struct({ length: hyper, flags: uint });

/** libvirt's typed parameter (https://libvirt.org/html/libvirt-libvirt-common.html#virTypedParameter). */
export type TypedParam =
  | { field: string; type: "int" | "uint" | "double"; value: number }
  | { field: string; type: "llong" | "ullong"; value: bigint }
  | { field: string; type: "boolean"; value: boolean }
  | { field: string; type: "string"; value: string };

const cBoolean = mapped(
  int,
  (value) => value !== 0,
  (value: boolean) => (value ? 1 : 0),
);

const armOf = { int: 1, uint: 2, llong: 3, ullong: 4, double: 5, boolean: 6, string: 7 } as const;

export const typedParam: Codec<TypedParam> = {
  minimum: 12,
  read(reader) {
    const field = string.read(reader);
    const arm = int.read(reader);
    switch (arm) {
      case 1:
        return { field, type: "int", value: int.read(reader) };
      case 2:
        return { field, type: "uint", value: uint.read(reader) };
      case 3:
        return { field, type: "llong", value: hyper.read(reader) };
      case 4:
        return { field, type: "ullong", value: uhyper.read(reader) };
      case 5:
        return { field, type: "double", value: double.read(reader) };
      case 6:
        return { field, type: "boolean", value: cBoolean.read(reader) };
      case 7:
        return { field, type: "string", value: string.read(reader) };
      default:
        throw new ProtocolError(`a typed parameter has the unknown type ${arm}`);
    }
  },
  write(writer, param) {
    writer.field = param.field;
    string.write(writer, param.field);
    int.write(writer, armOf[param.type]);
    switch (param.type) {
      case "int":
        int.write(writer, param.value);
        break;
      case "uint":
        uint.write(writer, param.value);
        break;
      case "llong":
        hyper.write(writer, param.value);
        break;
      case "ullong":
        uhyper.write(writer, param.value);
        break;
      case "double":
        double.write(writer, param.value);
        break;
      case "boolean":
        cBoolean.write(writer, param.value);
        break;
      case "string":
        string.write(writer, param.value);
        break;
    }
  },
};

export const typedParams = (maximum: number): Codec<TypedParam[]> => array(typedParam, maximum);

/** The parameters by name; of a name that stands twice the last counts. */
export function typedParamMap(params: readonly TypedParam[]): ReadonlyMap<string, TypedParam["value"]> {
  return new Map(params.map((param) => [param.field, param.value]));
}

export const domainStats = struct({ dom: domain, params: typedParams(262_144) });
