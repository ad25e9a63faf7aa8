// Flags of libvirt's calls for machines, each under the name that its manual gives it:
// https://libvirt.org/html/libvirt-libvirt-domain.html

/** virDomainModificationImpact */
export const Impact = { LIVE: 1, CONFIG: 2 } as const;

/** virDomainXMLFlags: with passwords; the definition for the next start. */
export const DomainXml = { SECURE: 1, INACTIVE: 2, SECURE_INACTIVE: 3 } as const;

/** virDomainCreateFlags */
export const Create = { PAUSED: 1, AUTODESTROY: 2 } as const;

/** virDomainMetadataType */
export const Metadata = { DESCRIPTION: 0, TITLE: 1, ELEMENT: 2 } as const;
