export * from "../dist/serving/dynamic";
