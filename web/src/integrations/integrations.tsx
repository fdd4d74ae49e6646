// Programs outside: those that are told by webhook, those that read the feed, and
// folders by which files are exchanged.
import { Flex, Segmented } from 'antd';
import { useSearchParams } from 'react-router';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { Endpoints } from './endpoints';
import { Exchanges } from './exchanges';
import { Readers } from './readers';

const views = ['webhooks', 'feed', 'files'] as const;

export default function Integrations() {
  const { t } = useText();
  const [params, setParams] = useSearchParams();
  const view = views.find((v) => v === params.get('view')) ?? 'webhooks';
  return (
    <div className="page">
      <Head title={t('nav.integrations')} />
      <Flex style={{ marginBottom: 10 }}><Segmented aria-label={t('orders.presets')} value={view} onChange={(v) => setParams({ view: v })} options={views.map((v) => ({ value: v, label: t(`integ.${v}`) }))} /></Flex>
      {view === 'webhooks' && <Endpoints />}
      {view === 'feed' && <Readers />}
      {view === 'files' && <Exchanges />}
    </div>
  );
}
