/** The site's pages, in the order of the navigation. A page enters when it exists. */
export const pages = [
  { href: "/", label: "Log" },
  { href: "/hook", label: "Hook" },
  { href: "/dashboard", label: "Dashboard" },
  { href: "/system", label: "System" },
  { href: "/notifications", label: "Notifications" },
  { href: "/progress", label: "Progress" },
  { href: "/scores", label: "Scores" },
  { href: "/chat", label: "Chat" },
  // In production the first needs open publishing, and the second a token.
  ...(process.env.NODE_ENV === "development"
    ? [
        { href: "/guarantees", label: "Guarantees" },
        { href: "/inspector", label: "Inspector" },
      ]
    : []),
] as const;
