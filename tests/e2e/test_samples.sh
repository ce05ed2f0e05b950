# What the samples in conf/ do beside passing the API on: a front end, who may
# see the counters, and that an installed web server takes them as they are.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_store --products 150
address=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 '^[0-9]*\.')
WEB_LISTEN=--any

for server in lighttpd apache nginx; do
  start_web "$server" WEB_BESIDE=front-end
  mkdir -p "$DIR/web-$webs/html/css"
  echo '<title>shop</title>' >"$DIR/web-$webs/html/index.html"
  echo 'a {}' >"$DIR/web-$webs/html/css/shop.css"
  chmod -R a+rX "$DIR/web-$webs/html"

  api GET /
  is "$server: the front end" "$STATUS $BODY" '200 <title>shop</title>'
  matches "$server: of its type" "$(header Content-Type)" 'text/html.*'
  api GET /css/shop.css
  is "$server: a file of it" "$STATUS $BODY" '200 a {}'
  matches "$server: of its type too" "$(header Content-Type)" 'text/css.*'
  api GET /nowhere
  is "$server: what is no file is the web server's own 404" "$STATUS $(grep -c '"error"' <<<"$BODY")" '404 0'
  api GET '/api/inventory?limit=2'
  is "$server: the API where the front end asks for it" "$STATUS $(json .pagination.total)" '200 150'
  api GET /v1/store/inventory/PROD-001
  is "$server: and where it is by itself" "$STATUS $(json .productId)" '200 PROD-001'
  api GET /api/nowhere
  is "$server: below /api it is the API's 404" "$STATUS $(json .error.code)" '404 not_found'
  api GET /health
  is "$server: health" "$STATUS" 200
  api GET /metrics
  is "$server: counters for this machine" "$STATUS" 200

  if [ -z "$address" ]; then
    skip "$server: counters for others" 'this machine has no address but 127.0.0.1'
    continue
  fi
  WEB=http://$address:${WEB##*:}
  api GET /health
  is "$server: health for others" "$STATUS" 200
  for path in /metrics /%6detrics /metrics/ /metricsx /api/metrics /x/../metrics '/metrics?x=/health'; do
    api GET "$path"
    is "$server: no counters for others: $path" "$STATUS $(grep -c store_api_ <<<"$BODY")" '403 0'
  done
  api GET //metrics
  is "$server: nor by slashes" "$(grep -c store_api_ <<<"$BODY")" 0
done

# Laid out as the samples say, and read by the web server itself, with its own settings around.
mkdir -p "$DIR"/{lighttpd,apache,nginx}/enabled
for server in lighttpd apache nginx; do ln -s "$root/conf/$server" "$DIR/$server/store-api"; done

ln -s "$root/conf/lighttpd/50-store-api.conf" "$DIR/lighttpd/enabled/"
cat >"$DIR/lighttpd/lighttpd.conf" <<EOF
server.modules = ( "mod_indexfile", "mod_accesslog" )
server.document-root = "$DIR"
server.port = 1
server.max-request-size = 65536
server.stream-request-body = 2
accesslog.format = "%h"
include "enabled/50-store-api.conf"
EOF
check 'lighttpd: takes its installed sample' lighttpd -tt -f "$DIR/lighttpd/lighttpd.conf"

{
  echo "ServerRoot $DIR/apache"
  grep '^LoadModule' "$root/conf/apache/standalone.conf"
  printf 'User www-data\nGroup www-data\nListen 127.0.0.1:1\nTypesConfig /etc/mime.types\nInclude enabled/*.conf\n'
} >"$DIR/apache/apache2.conf"
ln -s "$root/conf/apache/store-api.conf" "$DIR/apache/enabled/"
check 'Apache: takes its installed sample' \
  env APACHE_LOG_DIR="$DIR" apache2 -t -f "$DIR/apache/apache2.conf" -c "ErrorLog $DIR/apache.log" 2>>"$DIR/curl.log"

sed -e "s|listen 80|listen unix:$DIR/nginx/socket|" -e "s|/var/log/nginx|$DIR/nginx|" "$root/conf/nginx/store-api.conf" >"$DIR/nginx/enabled/store-api"
cat >"$DIR/nginx/nginx.conf" <<EOF
pid $DIR/nginx/pid;
error_log $DIR/nginx.log;
events { }
http {
  client_body_temp_path $DIR/nginx/body;
  fastcgi_temp_path $DIR/nginx/fastcgi;
  proxy_temp_path $DIR/nginx/proxy;
  scgi_temp_path $DIR/nginx/scgi;
  uwsgi_temp_path $DIR/nginx/uwsgi;
  access_log off;
  include enabled/*;
}
EOF
check 'nginx: takes its installed sample' nginx -t -q -c "$DIR/nginx/nginx.conf" 2>>"$DIR/curl.log"
