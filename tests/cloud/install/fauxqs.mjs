// Runs fauxqs on loopback, where its own command line would bind every interface.
import { buildApp } from "fauxqs";

const [host, port] = process.argv[2].split(":");
await buildApp({ logger: false }).listen({ host, port: Number(port) });
