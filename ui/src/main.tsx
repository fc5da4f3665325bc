import "./shell/theme.css";
import "./shell/base.css";
import "./shell/settings";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/hooks";
import { live } from "./api/live";
import { pageOfMlflowLink } from "./shell/foreign";
import { Shell } from "./shell/Shell";

const place = document.getElementById("house");
if (place === null) throw new Error("index.html has no place for the house");

const meant = pageOfMlflowLink(location.hash);
if (meant !== undefined) history.replaceState(null, "", meant);

live.start();
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Shell />
    </QueryClientProvider>
  </StrictMode>,
);
