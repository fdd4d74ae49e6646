import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { Panel } from './app';
import { Problem } from './shell/api';
import { startTexts } from './shell/i18n';
import { start } from './shell/session';
import { lend, Looks } from './shell/theme';
import './shell/panel.css';

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
lend(nonce);

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1000,
      // What the hub refused, it refuses again; a lost connection is tried again.
      retry: (count, error) => count < 2 && error instanceof Problem && (error.offline || error.status >= 500),
      retryDelay: 1000,
      networkMode: 'always', // the hub may be on this machine
      refetchOnWindowFocus: true,
    },
    mutations: { networkMode: 'always' },
  },
});

void Promise.all([startTexts(), start()]).then(() => {
  createRoot(document.getElementById('root')!).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <Looks nonce={nonce}>
          <BrowserRouter><Panel /></BrowserRouter>
        </Looks>
      </QueryClientProvider>
    </StrictMode>,
  );
});
