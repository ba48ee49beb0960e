import { join } from "node:path";
import { type RouterUnderTest, versionFrom } from "./router_under_test.ts";

/** One hop to the decode worker: what forwarding alone costs in C. */
export const nginx: RouterUnderTest = {
  name: "nginx",
  hops: 1,
  inQuick: true,
  install: "apt-get install nginx-light",
  find: () => versionFrom(["nginx", "-v"]),
  start: ({ port, decodePort, folder }) => ({
    argv: ["nginx", "-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "nginx.log")],
    files: { "nginx.conf": config(port, decodePort) },
  }),
};

function config(port: number, decodePort: number): string {
  return `daemon off;
worker_processes 1;
pid nginx.pid;
error_log nginx.log crit;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off;
  client_max_body_size 64m;
  client_body_buffer_size 16m;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
  upstream decode {
    server 127.0.0.1:${decodePort};
    keepalive 1024;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://decode;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}
