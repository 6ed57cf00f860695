// pm2 start ecosystem.config.cjs --env production
module.exports = {
  apps: [
    {
      name: "app",
      // The standalone build. Not `npm start`: npm would get the signal.
      script: "server.js",
      cwd: "/srv/app",
      // One process. For several, set SSE_BUS_URL: a backend shares the messages among them.
      exec_mode: "fork",
      instances: 1,
      // pm2 stops with SIGINT, on which streams get `bye`. It would kill after 1.6 s.
      kill_timeout: 10_000,
      env_production: {
        NODE_ENV: "production",
        HOSTNAME: "127.0.0.1",
        PORT: "3000",
        SSE_BUS_TRUST_PROXY: "1",
      },
    },
  ],
};
