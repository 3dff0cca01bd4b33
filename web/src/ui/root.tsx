/** The frame that every route shares: top bar, main, drawer, transport; and what floats above it. */
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { ErrorBoundary, lazy, LocationProvider, Route, Router } from 'preact-iso';
import type { App } from './app.ts';
import { AppProvider, useApp } from './app.ts';
import { Drawer } from './drawer.tsx';
import { Guard } from './guard.tsx';
import { Keyboard } from './keyboard.ts';
import { MapPage } from './map-page.tsx';
import { useNavigation } from './navigation.ts';
import { Status } from './status.tsx';
import { Banner, TopBar } from './top-bar.tsx';
import { Transport } from './transport.tsx';

const ServicesPage = lazy(async () => (await import('./services-page.tsx')).ServicesPage);
const NodesPage = lazy(async () => (await import('./nodes-page.tsx')).NodesPage);
const EventsPage = lazy(async () => (await import('./events-page.tsx')).EventsPage);
const ServiceDetail = lazy(async () => (await import('./detail-page.tsx')).ServiceDetail);
const NodeDetail = lazy(async () => (await import('./detail-page.tsx')).NodeDetail);
const HelpDialog = lazy(async () => (await import('./dialogs.tsx')).HelpDialog);
const DeployDialog = lazy(async () => (await import('./dialogs.tsx')).DeployDialog);

export function Root({ app }: { readonly app: App }): VNode {
  return (
    <AppProvider value={app}>
      <LocationProvider>
        <ErrorBoundary>
          <Frame />
        </ErrorBoundary>
      </LocationProvider>
    </AppProvider>
  );
}

function Frame(): VNode {
  const app = useApp();
  const navigation = useNavigation();
  const keyboard = useRef<Keyboard | undefined>(undefined);
  keyboard.current ??= new Keyboard(app, navigation);
  keyboard.current.navigation = navigation;
  const projector = navigation.query['view'] === 'projector';
  const theme = app.theme.value.name;
  useEffect(() => {
    app.projector.value = projector;
  }, [app, projector]);
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
    document.documentElement.classList.toggle('projector', projector);
  }, [theme, projector]);
  useEffect(() => {
    const handle = (event: KeyboardEvent): void => keyboard.current!.handle(event);
    addEventListener('keydown', handle);
    return () => removeEventListener('keydown', handle);
  }, []);
  useEffect(() => {
    if (location.pathname === '/') navigation.go('map');
  }, []);
  return (
    <div class={`frame ${navigation.selection === undefined ? '' : 'selecting'} tab-${navigation.tab}`}>
      <TopBar navigation={navigation} />
      <Banner />
      <div class="middle">
        <Guard subject={navigation.tab}>
          <Router>
            <Route path="/r/:run/map" component={MapPage} />
            <Route path="/r/:run/services" component={ServicesPage} />
            <Route path="/r/:run/services/:name" component={ServiceDetail} />
            <Route path="/r/:run/nodes" component={NodesPage} />
            <Route path="/r/:run/nodes/:name" component={NodeDetail} />
            <Route path="/r/:run/events" component={EventsPage} />
            <Route default component={MapPage} />
          </Router>
        </Guard>
        <Guard subject={navigation.query['sel'] ?? ''}>
          <Drawer navigation={navigation} />
        </Guard>
      </div>
      <Transport navigation={navigation} />
      <Status />
      {app.help.value && <HelpDialog />}
      {app.deploying.value && <DeployDialog />}
    </div>
  );
}
