// Public names of the package. Running code stands in the rooms.
export * from "./serving/classes";
export * from "./serving/functions";
