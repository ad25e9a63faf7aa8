export { MediaError } from "./error";
export { isoImage, type IsoFile } from "./iso";
export { probeBytes, probeFormat, type ImageFormat } from "./probe";
export { readQcow2, type Qcow2Header } from "./qcow2Read";
export { qcow2Image, type Qcow2Options } from "./qcow2Write";
export { seedImage, type SeedFiles } from "./seed";
export { ImageSource, type ImageSegment } from "./source";
export { isZero } from "./zero";
