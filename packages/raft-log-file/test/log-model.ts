export * from "../src/testing/log-model.ts";
