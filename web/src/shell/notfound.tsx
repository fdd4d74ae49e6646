import { Button, Result } from 'antd';
import { Link } from 'react-router';
import { useText } from './i18n';

export function NotFound() {
  const { t } = useText();
  return <Result title={t('state.missing')} subTitle={t('state.missingHint')} extra={<Link to="/orders"><Button type="primary">{t('nav.orders')}</Button></Link>} />;
}
