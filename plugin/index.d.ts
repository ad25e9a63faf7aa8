export * from "../dist/sdk";
