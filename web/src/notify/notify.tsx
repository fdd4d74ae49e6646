// Who is told of what: rules, recipients, messages, texts.
import { Flex, Segmented } from 'antd';
import { useSearchParams } from 'react-router';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { Messages } from './messages';
import { Recipients } from './recipients';
import { Rules } from './rules';
import { Texts } from './texts';

const views = ['rules', 'recipients', 'messages', 'texts'] as const;

export default function Notify() {
  const { t } = useText();
  const [params, setParams] = useSearchParams();
  const view = views.find((v) => v === params.get('view')) ?? 'rules';
  return (
    <div className="page">
      <Head title={t('nav.notify')} />
      <Flex style={{ marginBottom: 10 }}><Segmented aria-label={t('orders.presets')} value={view} onChange={(v) => setParams({ view: v })} options={views.map((v) => ({ value: v, label: t(`notify.${v}`) }))} /></Flex>
      {view === 'rules' && <Rules />}
      {view === 'recipients' && <Recipients />}
      {view === 'messages' && <Messages />}
      {view === 'texts' && <Texts />}
    </div>
  );
}
