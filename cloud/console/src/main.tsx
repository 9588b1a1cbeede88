import "./ui/tokens.css";
import "./ui/global.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import * as z from "zod/mini";
import { queryClient } from "./api/client.ts";
import { applyDisplay } from "./hooks/use-display.ts";
import { router } from "./routes.tsx";

// The content security policy forbids code made at run time, which zod would otherwise try.
z.config({ jitless: true });
applyDisplay();
const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element #root");
createRoot(root).render(
  <QueryClientProvider client={queryClient}>
    <RouterProvider router={router} />
  </QueryClientProvider>,
);
