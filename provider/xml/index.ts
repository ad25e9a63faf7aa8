export { illegalCharacter, isXmlName } from "./characters";
export { XmlError } from "./error";
export {
  child,
  childrenOf,
  cloneXml,
  element,
  elementsOf,
  equalXml,
  isElement,
  removeChild,
  removeChildren,
  textOf,
  type XmlElement,
  type XmlNode,
} from "./node";
export { parseXml } from "./parse";
export { appendChild, ensurePath, find, findAll, quoted, readPath, writePath } from "./path";
export { printXml } from "./print";
