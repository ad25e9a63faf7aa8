// What the samples stand on, made by other hands: networks, bridges, images, a pool with volumes.
import { execFileSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { virsh } from "../../e2e/engine";
import { guestFiles } from "../guestFiles";

export const images = "/var/lib/libvirt/images";

/** Addresses of the network on which each guest tells by its page which boot it is. */
const BOOT = "10.91.0";
const BLANK = Buffer.alloc(65536);
/** More guests than any test has at one time. */
const GUESTS = 20;

/** The card by which guest number N is asked. */
export function bootCard(number: number): { readonly network: string; readonly mac: string } {
  return { network: "boot", mac: `52:54:00:91:00:${String(10 + number)}` };
}

/** Where guest number N answers. */
export function bootAddress(number: number): string {
  return `${BOOT}.${10 + number}`;
}

/** A network with a fixed address for each guest's boot card, and without the waits of libvirt's defaults. */
function bootNetwork(): string {
  const hosts = Array.from(
    { length: GUESTS },
    (_, number) => `<host mac='${bootCard(number).mac}' ip='${bootAddress(number)}'/>`,
  );
  return `<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>boot</name><bridge name='boot' stp='off' delay='0'/>
  <ip address='${BOOT}.1' prefix='24'><dhcp>${hosts.join("")}</dhcp></ip>
  <dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options>
</network>`;
}

/** Makes all of it in a lab that is new. */
export function furnish(): void {
  const { kernel, initrd } = guestFiles();
  for (const name of ["kernel-a", "kernel-b"]) copyFileSync(kernel, `${images}/${name}`);
  for (const name of ["initrd-a", "initrd-b"]) copyFileSync(initrd, `${images}/${name}`);
  for (const [name, text] of Object.entries({ "source-a": "a", "source-b": "b" }))
    writeFileSync(`${images}/${name}`, text.repeat(4096));
  for (const letter of "abcdefghijk") for (const bus of ["vd", "sd"]) writeFileSync(`${images}/${bus}${letter}`, BLANK);
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", `${images}/qcow2`, "1M"]);
  network("boot", bootNetwork());
  for (const [name, address] of Object.entries({ "table-a": "10.93.0.1", "table-b": "10.94.0.1" })) {
    const bridge = `<bridge name='of-${name}' stp='off' delay='0'/><ip address='${address}' prefix='24'/>`;
    network(name, `<network><name>${name}</name>${bridge}</network>`);
  }
  for (const [index, name] of ["entries", "entries-2"].entries()) {
    const subnets = `<ip address='10.92.${index}.1' prefix='24'/><ip family='ipv6' address='fd00:92:${index}::1' prefix='64'/>`;
    network(name, `<network><name>${name}</name><bridge name='of-${name}' stp='off' delay='0'/>${subnets}</network>`);
  }
  for (const name of ["table-a", "table-b"]) filter(name);
  link("br-a", "bridge");
  link("br-b", "bridge");
  link("eth7", "veth", "peer", "name", "eth8");
  execFileSync("ip", ["link", "set", "eth8", "up"]);
  for (const name of ["table", "second"]) {
    virsh("pool-define-as", name, "dir", "--target", `${images}/${name}`);
    virsh("pool-build", name);
    virsh("pool-start", name);
  }
  for (const name of ["one", "two"]) virsh("vol-create-as", "table", name, "4M", "--format", "qcow2");
}

function filter(name: string): void {
  const file = `${images}/${name}-filter.xml`;
  writeFileSync(
    file,
    `<filter name='${name}' chain='root'><rule action='accept' direction='inout'><all/></rule></filter>`,
  );
  virsh("nwfilter-define", file);
}

function network(name: string, xml: string): void {
  const file = `${images}/${name}.xml`;
  writeFileSync(file, xml);
  virsh("net-define", file);
  virsh("net-start", name);
}

function link(name: string, ...type: readonly string[]): void {
  execFileSync("ip", ["link", "add", name, "type", ...type]);
  execFileSync("ip", ["link", "set", name, "up"]);
}
