export * from "../src/testing/entry-maker.ts";
