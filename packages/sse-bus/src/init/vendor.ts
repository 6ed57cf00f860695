// The build bundles this file with the packages that it names: apps that install sse-bus install none of them.
export { parse } from "@babel/parser";
export { createTwoFilesPatch } from "diff";
export { createPathsMatcher, parseTsconfig } from "get-tsconfig";
export { detect, getUserAgent, resolveCommand } from "package-manager-detector";
