/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type --
   the outputs are declared from the table, and the base class makes one for each of its properties */
// The classes of the dynamic door: what `import * as kvm from "pulumi-kvm"` gives. The plugin's have the same names,
// arguments and outputs.
import * as pulumi from "@pulumi/pulumi";
import { cloudInitDisk } from "../resources/cloudInitDisk/fields";
import { dhcpHost } from "../resources/dhcpHost/fields";
import { dnsHost } from "../resources/dnsHost/fields";
import { domain } from "../resources/domain/fields";
import { network } from "../resources/network/fields";
import { pool } from "../resources/pool/fields";
import { volume } from "../resources/volume/fields";
import type { InputOf, InputsOf, OutputsOf } from "./inputs";
import { providerTable, type ProviderSettings } from "./providerTable";
import { KvmResource } from "./resource";

type Name = pulumi.Input<pulumi.ID>;
type Options = pulumi.CustomResourceOptions;

/** Settings of one host. */
export type ProviderArgs = { readonly [K in keyof ProviderSettings]: InputOf<ProviderSettings[K]> };

/** One host, given to resources as `{ provider }`; without one, `kvm:uri` of the stack's configuration counts. */
export class Provider extends pulumi.ProviderResource {
  /** The libvirt URI of the host, as given. */
  readonly uri: pulumi.Output<string | undefined>;
  /** What functions are asked with; for the package itself. */
  readonly __settings: pulumi.Output<object>;

  constructor(name: string, args: ProviderArgs = {}, options?: pulumi.ResourceOptions) {
    // The host sees the settings of its own provider alone, so the stack's are handed on.
    const stack = new pulumi.Config("kvm");
    const settings = Object.entries(providerTable).map(([name, field]): [string, pulumi.Input<unknown>] => {
      const given = args[name as keyof ProviderArgs];
      if (!("secret" in field)) return [`kvm:${name}`, given ?? stack.get(name)];
      return [`kvm:${name}`, given === undefined ? stack.getSecret(name) : pulumi.secret(given)];
    });
    const inputs = Object.fromEntries(settings);
    super("pulumi-nodejs", name, inputs, options);
    this.uri = pulumi.output(args.uri ?? stack.get("uri"));
    this.__settings = pulumi.output(inputs);
  }
}

export type DomainArgs = InputsOf<typeof domain>;
export interface Domain extends OutputsOf<typeof domain> {}
/** A virtual machine (https://libvirt.org/formatdomain.html). */
export class Domain extends KvmResource {
  constructor(name: string, args: DomainArgs, options?: Options) {
    super("Domain", domain, name, args, options);
  }

  /** Reads a machine that exists, by UUID or name, without managing it. */
  static get(name: string, id: Name, options?: Options): Domain {
    return new Domain(name, NOTHING as DomainArgs, { ...options, id });
  }
}

export type NetworkArgs = InputsOf<typeof network>;
export interface Network extends OutputsOf<typeof network> {}
/** A virtual network with its DHCP and DNS (https://libvirt.org/formatnetwork.html). */
export class Network extends KvmResource {
  constructor(name: string, args: NetworkArgs, options?: Options) {
    super("Network", network, name, args, options);
  }

  /** Reads a network that exists, by UUID or name, without managing it. */
  static get(name: string, id: Name, options?: Options): Network {
    return new Network(name, NOTHING as NetworkArgs, { ...options, id });
  }
}

export type StoragePoolArgs = InputsOf<typeof pool>;
export interface StoragePool extends OutputsOf<typeof pool> {}
/** A storage pool: where volumes lie (https://libvirt.org/formatstorage.html). */
export class StoragePool extends KvmResource {
  constructor(name: string, args: StoragePoolArgs, options?: Options) {
    super("StoragePool", pool, name, args, options);
  }

  /** Reads a pool that exists, by UUID or name, without managing it. */
  static get(name: string, id: Name, options?: Options): StoragePool {
    return new StoragePool(name, NOTHING as StoragePoolArgs, { ...options, id });
  }
}

export type VolumeArgs = InputsOf<typeof volume>;
export interface Volume extends OutputsOf<typeof volume> {}
/** A volume in a storage pool: a disk, an image, a file for guests to read. */
export class Volume extends KvmResource {
  constructor(name: string, args: VolumeArgs, options?: Options) {
    super("Volume", volume, name, args, options);
  }

  /** Reads a volume that exists, by `pool/name`, without managing it. */
  static get(name: string, id: Name, options?: Options): Volume {
    return new Volume(name, NOTHING as VolumeArgs, { ...options, id });
  }
}

export type CloudInitDiskArgs = InputsOf<typeof cloudInitDisk>;
export interface CloudInitDisk extends OutputsOf<typeof cloudInitDisk> {}
/** A NoCloud seed for cloud-init as a volume, to be given to machines as a CD. */
export class CloudInitDisk extends KvmResource {
  constructor(name: string, args: CloudInitDiskArgs, options?: Options) {
    super("CloudInitDisk", cloudInitDisk, name, args, options);
  }

  /** Reads a seed that exists, by `pool/name`, without managing it. */
  static get(name: string, id: Name, options?: Options): CloudInitDisk {
    return new CloudInitDisk(name, NOTHING as CloudInitDiskArgs, { ...options, id });
  }
}

export type DhcpHostArgs = InputsOf<typeof dhcpHost>;
export interface DhcpHost extends OutputsOf<typeof dhcpHost> {}
/** A fixed address of a network that another program may own (https://libvirt.org/formatnetwork.html#addressing). */
export class DhcpHost extends KvmResource {
  constructor(name: string, args: DhcpHostArgs, options?: Options) {
    super("DhcpHost", dhcpHost, name, args, options);
  }

  /** Reads an entry that exists, by `network/mac`, without managing it. */
  static get(name: string, id: Name, options?: Options): DhcpHost {
    return new DhcpHost(name, NOTHING as DhcpHostArgs, { ...options, id });
  }
}

export type DnsHostArgs = InputsOf<typeof dnsHost>;
export interface DnsHost extends OutputsOf<typeof dnsHost> {}
/** The names of an address in the DNS of a network that another program may own (https://libvirt.org/formatnetwork.html#addressing). */
export class DnsHost extends KvmResource {
  constructor(name: string, args: DnsHostArgs, options?: Options) {
    super("DnsHost", dnsHost, name, args, options);
  }

  /** Reads an entry that exists, by `network/address`, without managing it. */
  static get(name: string, id: Name, options?: Options): DnsHost {
    return new DnsHost(name, NOTHING as DnsHostArgs, { ...options, id });
  }
}

// An object that is only read is given no arguments, the required ones neither.
const NOTHING: unknown = undefined;
