/** Text that is not the XML we accept, or a tree or path that cannot be written as such. */
export class XmlError extends Error {
  override readonly name = "XmlError";
}
