import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { queryClient, statusOf, whenSignedOut } from "./api/client.ts";
import { meQuery } from "./api/queries.ts";
import { NotFound, PageCrash } from "./components/page-states.tsx";
import { Shell } from "./components/shell.tsx";
import { paths } from "./paths.ts";

const root = createRootRoute({ component: Outlet });

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

/** Keeps only what is there, so that URLs stay short. */
const only = <T extends Record<string, string | undefined>>(search: T) =>
  Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string;
  }; // entries without a value are left out

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>) =>
    only({ code: text(search.code), next: text(search.next) }),
  component: lazyRouteComponent(() => import("./pages/login/login-page.tsx"), "LoginPage"),
});

/** Pages behind the login. The whole URL is kept through it. */
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(meQuery);
    } catch (error) {
      if (statusOf(error) !== 401) throw error;
      throw redirect({ to: "/login", search: { next: location.href } });
    }
  },
  component: Shell,
});

const page = <P extends string>(path: P) => ({ getParentRoute: () => inside, path }) as const;

const home = createRoute({
  ...page("/"),
  beforeLoad: () => {
    throw redirect({ to: "/devices", replace: true });
  },
});

const devices = createRoute({
  ...page("/devices"),
  validateSearch: (search: Record<string, unknown>) => only({ q: text(search.q) }),
  component: lazyRouteComponent(() => import("./pages/devices/devices-page.tsx"), "DevicesPage"),
});

const device = createRoute({
  ...page("/devices/$id"),
  validateSearch: (search: Record<string, unknown>) =>
    only({ tab: text(search.tab), range: text(search.range) }),
  component: lazyRouteComponent(() => import("./pages/devices/device-page.tsx"), "DevicePage"),
});

const models = createRoute({
  ...page("/models"),
  component: lazyRouteComponent(() => import("./pages/models/models-page.tsx"), "ModelsPage"),
});

const model = createRoute({
  ...page("/models/$name"),
  component: lazyRouteComponent(() => import("./pages/models/model-page.tsx"), "ModelPage"),
});

const version = createRoute({
  ...page("/models/$name/v/$version"),
  validateSearch: (search: Record<string, unknown>) =>
    only({ tab: text(search.tab), file: text(search.file) }),
  component: lazyRouteComponent(() => import("./pages/models/version-page.tsx"), "VersionPage"),
});

const compile = createRoute({
  ...page("/models/compile"),
  component: lazyRouteComponent(
    () => import("./pages/models/compile/compile-page.tsx"),
    "CompilePage",
  ),
});

const compilations = createRoute({
  ...page("/models/compilations"),
  component: lazyRouteComponent(
    () => import("./pages/models/compile/compilations-page.tsx"),
    "CompilationsPage",
  ),
});

const compilation = createRoute({
  ...page("/models/compilations/$id"),
  validateSearch: (search: Record<string, unknown>) => only({ file: text(search.file) }),
  component: lazyRouteComponent(
    () => import("./pages/models/compile/compilation-page.tsx"),
    "CompilationPage",
  ),
});

const push = createRoute({
  ...page("/push"),
  component: lazyRouteComponent(() => import("./pages/models/push-page.tsx"), "PushPage"),
});

const enrolment = createRoute({
  ...page("/enrolment"),
  component: lazyRouteComponent(
    () => import("./pages/enrolment/enrolment-page.tsx"),
    "EnrolmentPage",
  ),
});

const settings = createRoute({
  ...page("/settings"),
  validateSearch: (search: Record<string, unknown>) => only({ tab: text(search.tab) }),
  component: lazyRouteComponent(() => import("./pages/settings/settings-page.tsx"), "SettingsPage"),
});

const samples = createRoute({
  ...page("/samples"),
  validateSearch: ({ device, label, reason }: Record<string, unknown>) =>
    only({ device: text(device), label: text(label), reason: text(reason) }),
  component: lazyRouteComponent(() => import("./pages/samples/samples-page.tsx"), "SamplesPage"),
});

const audit = createRoute({
  ...page("/audit"),
  component: lazyRouteComponent(() => import("./pages/audit/audit-page.tsx"), "AuditPage"),
});

const nowhere = createRoute({ ...page("/$"), component: NotFound });

const insidePages = [
  home,
  devices,
  device,
  models,
  model,
  version,
  compile,
  compilations,
  compilation,
  push,
  enrolment,
  settings,
  samples,
  audit,
  nowhere,
];
const routeTree = root.addChildren([login, inside.addChildren(insidePages)]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultErrorComponent: PageCrash,
  scrollRestoration: true,
  // Plain strings: the default codec would turn a filter such as `1.0` into a number.
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const kept = Object.entries(search).filter(([, value]) => value !== undefined);
    const query = new URLSearchParams(kept.map(([key, value]) => [key, String(value)])).toString();
    return query === "" ? "" : `?${query}`;
  },
});

whenSignedOut(() => {
  queryClient.clear();
  window.location.assign(paths.login(router.state.location.href));
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
