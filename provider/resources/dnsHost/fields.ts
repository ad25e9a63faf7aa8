import { flag, text } from "../../fields";
import { dnsHostFacts, hostnames } from "../network/entries";

/** Names of an address in a network's DNS. https://libvirt.org/formatnetwork.html#addressing */
export const dnsHost = {
  network: text({
    required: true,
    change: "replace",
    most: 255,
    doc: "The name of the network, running or not; an error where the host has none. A change moves the entry.",
  }),
  ip: text({
    ...dnsHostFacts.ip,
    change: "replace",
    doc: "The address, IPv4 or IPv6, in any subnet; a network has one entry for it. A change makes a new entry.",
  }),
  hostnames: {
    ...hostnames,
    doc: "Its names (RFC 1123), at least one; an error where another entry of the network has one of them.",
  },
  adopt: flag({
    doc: "Take over an entry of this address that exists already with other names; default false: it is refused.",
  }),
};
